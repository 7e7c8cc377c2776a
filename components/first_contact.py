"""The first contact with a server that does not know the deploy user yet; the only use of Pulumi's plugin `command`."""

from __future__ import annotations

import pulumi
from pulumi_command.remote import Command, ConnectionArgs, Logging, ProxyConnectionArgs
from pydantic import SecretStr

from components.ssh_files import host_key, public_keys
from components.values import Bastion, Connection, FirstContact, Machine
from roles import first_contact
from roles.first_contact.spec import FirstContactSpec
from roles.spec import Address, Port

_TRIES = 2
"""A host that is off costs as many connect timeouts; each refused password counts at the host."""


def meet(machine: Machine, contact: FirstContact, opts: pulumi.ResourceOptions) -> Command:
    """Makes the deploy user over `contact`, once for each host key: what changes later is of no consequence.

    A changed input of the plugin's runs the command again, on a host that does not let the first user in any more; so
    all of them are ignored. Another host key is another installation: a replacement, which takes every input anew.
    """
    way = machine.connection
    keys = contact.authorized_keys or public_keys(way.identity_file)
    spec = FirstContactSpec(user=way.user, authorized_keys=keys)
    pinned = _pinned(way, machine.address, contact.port)
    once = pulumi.ResourceOptions(
        ignore_changes=["connection", "create", "stdin"], additional_secret_outputs=["stdout", "stderr"]
    )
    return Command(
        f"{machine.name}-first-contact",
        connection=_connection(machine, contact, pinned),
        create=first_contact.COMMAND,
        stdin=pulumi.Output.secret(first_contact.stdin(spec, _shown(contact.password))),
        triggers=[pinned],
        logging=Logging.NONE,
        add_previous_output_in_env=False,
        opts=pulumi.ResourceOptions.merge(opts, once),
    )


def _connection(machine: Machine, contact: FirstContact, pinned: str) -> ConnectionArgs:
    way = machine.connection
    return ConnectionArgs(
        host=str(machine.address),
        port=contact.port,
        user=contact.user,
        password=_secret(contact.password),
        host_key=pinned,
        dial_error_limit=_TRIES - 1,
        per_dial_timeout=_whole(way.connect_timeout_seconds),
        proxy=_proxy(way, contact.jump) if contact.jump else None,
    )


def _proxy(way: Connection, jump: Bastion) -> ProxyConnectionArgs:
    return ProxyConnectionArgs(
        host=str(jump.address),
        port=jump.port,
        user=jump.user,
        password=_secret(jump.password),
        host_key=_pinned(way, jump.address, jump.port),
        dial_error_limit=_TRIES - 1,
        per_dial_timeout=_whole(way.connect_timeout_seconds),
    )


def _pinned(way: Connection, address: Address, port: Port) -> str:
    found = host_key(way.known_hosts, address, port)
    if found is None:
        raise ValueError(f"{way.known_hosts} has no key of {address}; without it the plugin would trust anybody there")
    return found


def _secret(password: SecretStr | None) -> pulumi.Output[str] | None:
    return pulumi.Output.secret(password.get_secret_value()) if password else None


def _shown(password: SecretStr | None) -> str:
    return password.get_secret_value() if password else ""


def _whole(seconds: float) -> int:
    return max(1, round(seconds))
