"""What a first contact needs besides its own section: known host keys, a public key to leave, a hidden password."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from components.ssh_files import host_key, public_keys
from components.values import Bastion, FirstContact, HostName, Machine
from roles.first_contact.spec import PublicKey
from roles.spec import Address, Port
from settings.model import Settings
from settings.problems import Problem

_PUBLIC_KEYS = TypeAdapter(tuple[PublicKey, ...])
_TRUST = "take it over a channel you trust (the server's console) and add it there"


def problems(settings: Settings, project: Path, secret_keys: Collection[str] | None) -> Iterator[Problem]:
    """All of it, for every host that is there; `secret_keys` are those Pulumi keeps encrypted, None when unknown."""
    contacts = {each.name: (each, each.first_contact) for each in settings.machines if each.first_contact is not None}
    for name, (machine, contact) in contacts.items():
        yield from _useless(settings, name, contact)
        yield from _readable(name, contact, secret_keys)
        yield from _unknown_key(machine, f"hosts.{name}.first_contact", machine.address, contact.port, project)
        if contact.jump is not None:
            place = f"hosts.{name}.first_contact.jump"
            yield from _unknown_key(machine, place, contact.jump.address, contact.jump.port, project)
    if contacts and not settings.ssh.authorized_keys:
        yield from _no_public_key(settings.ssh.identity_file, project)


def _useless(settings: Settings, name: HostName, contact: FirstContact) -> Iterator[Problem]:
    if contact.user == settings.ssh.user and contact.password is None:
        yield Problem(
            key=f"hosts.{name}.first_contact.user",
            given=f"{contact.user!r}, which is ssh.user, and no password",
            allowed="another way in than the usual one",
            remedy="name the user the server has now or give its password, or leave first_contact out",
        )


def _readable(name: HostName, contact: FirstContact, secret_keys: Collection[str] | None) -> Iterator[Problem]:
    if secret_keys is None or "hosts" in secret_keys:
        return
    given: dict[str, FirstContact | Bastion | None] = {"first_contact": contact, "first_contact.jump": contact.jump}
    for place, each in given.items():
        if each is not None and each.password is not None:
            key = f"hosts.{name}.{place}.password"
            yield Problem(
                key=key,
                given="a text that everybody reads who reads the file",
                allowed="a secret of Pulumi",
                remedy=f"pulumi config set --secret --path 'soundstage:{key}', and change the password on the server",
            )


def _unknown_key(machine: Machine, key: str, address: Address, port: Port, project: Path) -> Iterator[Problem]:
    file = machine.connection.known_hosts
    where = f"{address}" if port == 22 else f"[{address}]:{port}"
    try:
        if host_key(file, address, port, project) is None:
            given = f"{where}, whose host key is not in {file!r}"
            yield Problem(key=key, given=given, allowed="a server whose host key is known", remedy=_TRUST)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        given = f"{where}, and {file!r} cannot be read ({reason})"
        yield Problem(key=key, given=given, allowed="a server whose host key is known", remedy=_TRUST)


def _no_public_key(identity_file: str, project: Path) -> Iterator[Problem]:
    allowed = "lines as in an authorized_keys file (ssh-ed25519 AAAA… name)"
    remedy = "write down the public key of whoever runs pulumi"
    if not identity_file:
        given = "nothing, and no ssh.identity_file either"
        yield Problem(key="ssh.authorized_keys", given=given, allowed=allowed, remedy=remedy)
        return
    try:
        if _PUBLIC_KEYS.validate_python(public_keys(identity_file, project)):
            return
        reason = "which is empty"
    except OSError as error:
        reason = f"which cannot be read ({error.strerror})"
    except ValidationError:
        reason = "which holds something else than public keys"
    given = f"nothing, and the file {identity_file + '.pub'!r}, {reason}"
    yield Problem(key="ssh.authorized_keys", given=given, allowed=allowed, remedy=remedy)
