"""The resource plugin `soundstage`: makes roles real on hosts over SSH, and keeps generated secrets.

Started by the Pulumi engine through `pulumi-resource-soundstage`; one process serves one phase of one command.
"""
