"""A host that is fit for duty: checked, hardened, on time, with its kernel set for live audio."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

import versions
from components.host_role import HostRole, HostRoleArgs
from components.values import Duty, Machine, Value
from roles import baseline, firewall, kernel_profile, preflight, sshd
from roles.baseline.spec import BaselineSpec
from roles.firewall.spec import FirewallSpec
from roles.kernel_profile.spec import KernelProfileSpec
from roles.model import Requirements, Role
from roles.preflight.spec import PreflightSpec
from roles.spec import Network
from roles.sshd.spec import Login, SshdSpec

_MEBIBYTE = 2**20
_CLOCK_OFFSET_SECONDS = 2
_MEMORY_BYTES: dict[Duty, int] = {"balancer": 256 * _MEBIBYTE, "key-value": 128 * _MEBIBYTE, "web": 128 * _MEBIBYTE}
"""Free for the duty on top of the system; a web instance takes about 40 MiB."""
_SYSTEM_MEMORY_BYTES = 384 * _MEBIBYTE
_DISK_FREE_BYTES = 1024 * _MEBIBYTE
"""Packages of every duty with their dependencies, and two releases of each application."""


class HostArgs(Value):
    """`logins` may log in from `management_sources`; nobody else may."""

    machine: Machine
    management_sources: tuple[Network, ...]
    logins: tuple[Login, ...]
    baseline: BaselineSpec = BaselineSpec()
    kernel_profile: KernelProfileSpec = KernelProfileSpec()
    proven_by: tuple[HostRole, ...] = ()
    """Roles of the host that takes changes of sshd, firewall and kernel before this one (its `risky`)."""


class Host(pulumi.ComponentResource):
    """One host, from the first contact, if it needs one, to its baseline. A duty depends on all of it."""

    machine: Machine
    risky: tuple[HostRole, ...]
    """The roles that could lock us out or slow the host down."""
    roles: tuple[HostRole, ...]

    def __init__(self, name: str, args: HostArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("soundstage:host:Host", name, None, opts)
        self.machine = args.machine
        met = self._first_contact(args.machine)
        fit = self._role(preflight.role(PreflightSpec(duties=_requirements(args.machine))), after=met, foundation=True)
        walled = self._role(firewall.role(_firewall(args)), after=[fit, *args.proven_by])
        hardened = self._role(sshd.role(_sshd(args)), after=[fit, walled, *args.proven_by])
        tuned = self._role(kernel_profile.role(args.kernel_profile), after=[fit, *args.proven_by])
        timed = self._role(baseline.role(args.baseline), after=[fit])
        self.risky = (walled, hardened, tuned)
        self.roles = (fit, *self.risky, timed)
        self.register_outputs({"address": str(args.machine.address)})

    def _first_contact(self, machine: Machine) -> Sequence[pulumi.Resource]:
        if machine.first_contact is None:
            return ()
        # Most stacks do without: they need not wait for its modules.
        from components.first_contact import meet  # noqa: PLC0415

        return (meet(machine, machine.first_contact, pulumi.ResourceOptions(parent=self)),)

    def _role(self, role: Role, after: Sequence[pulumi.Resource], *, foundation: bool = False) -> HostRole:
        return HostRole(
            f"{self.machine.name}-{role.name}",
            HostRoleArgs(machine=self.machine, role=role, foundation=foundation),
            pulumi.ResourceOptions(parent=self, depends_on=after),
        )


def _firewall(args: HostArgs) -> FirewallSpec:
    return FirewallSpec(management_sources=args.management_sources, ssh_port=args.machine.connection.port)


def _sshd(args: HostArgs) -> SshdSpec:
    connection = args.machine.connection
    return SshdSpec(
        address=connection.address,
        users=args.logins,
        port=connection.port,
        jump_host=connection.jump is not None and connection.jump.address == connection.address,
    )


def _requirements(machine: Machine) -> tuple[Requirements, ...]:
    system = Requirements(
        systems=versions.SYSTEMS,
        architectures=versions.ARCHITECTURES,
        kernel=versions.KERNEL,
        memory_bytes=_SYSTEM_MEMORY_BYTES + sum(_MEMORY_BYTES[duty] for duty in machine.duties),
        disk_free_bytes=_DISK_FREE_BYTES,
        cpus=machine.cores,
        clock_offset_seconds=_CLOCK_OFFSET_SECONDS,
        interfaces=(machine.interface,),
    )
    return (system,)
