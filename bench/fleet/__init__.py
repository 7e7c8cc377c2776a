"""The fleet that the provisioning figures are measured on."""
