"""What the provisioning figures are compared with, as people tune it: Ansible, Ansible with Mitogen, pyinfra."""
