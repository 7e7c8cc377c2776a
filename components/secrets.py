"""Secrets and certificates of the `soundstage` plugin: made once, kept encrypted in the state."""

from __future__ import annotations

import pulumi
from pydantic import Field

from components.values import Value


class PasswordArgs(Value):
    """A higher `generation` makes a new password; `length` counts characters."""

    length: int = Field(default=32, ge=16, le=256)
    generation: int = Field(default=1, ge=1)


class Password(pulumi.CustomResource):
    """A generated password; `value` is a secret."""

    value: pulumi.Output[str]

    def __init__(self, name: str, args: PasswordArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {**args.model_dump(), "value": None}
        super().__init__("soundstage:secret:Password", name, properties, _secret(opts, "value"))


class AuthorityArgs(Value):
    """A higher `generation` makes a new authority; both are trusted while the previous one is valid."""

    common_name: str
    validity_days: int = Field(default=3650, ge=1)
    generation: int = Field(default=1, ge=1)


class Authority(pulumi.CustomResource):
    """A private certificate authority. `bundle_pem` is what clients trust: this authority and its valid predecessor."""

    certificate_pem: pulumi.Output[str]
    private_key_pem: pulumi.Output[str]
    bundle_pem: pulumi.Output[str]

    def __init__(self, name: str, args: AuthorityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        outputs = {"certificate_pem": None, "private_key_pem": None, "bundle_pem": None}
        super().__init__(
            "soundstage:pki:Authority", name, {**args.model_dump(), **outputs}, _secret(opts, "private_key_pem")
        )


class CertificateArgs(Value):
    """Names and addresses the certificate is valid for; due for renewal, it shows as a difference."""

    authority: Authority
    common_name: str
    dns_names: tuple[str, ...] = ()
    ip_addresses: tuple[str, ...] = ()
    validity_days: int = Field(default=90, ge=1)
    renew_before_days: int = Field(default=30, ge=1)


class Certificate(pulumi.CustomResource):
    """A certificate signed by an `Authority`, with its own key."""

    certificate_pem: pulumi.Output[str]
    private_key_pem: pulumi.Output[str]
    not_after: pulumi.Output[str]

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        properties = {
            **args.model_dump(mode="json", exclude={"authority"}),
            "authority_certificate_pem": args.authority.certificate_pem,
            "authority_private_key_pem": pulumi.Output.secret(args.authority.private_key_pem),
            "certificate_pem": None,
            "private_key_pem": None,
            "not_after": None,
        }
        super().__init__("soundstage:pki:Certificate", name, properties, _secret(opts, "private_key_pem"))


def _secret(opts: pulumi.ResourceOptions | None, output: str) -> pulumi.ResourceOptions:
    return pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(additional_secret_outputs=[output]))
