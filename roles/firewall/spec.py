"""Who may manage the host; everything else is admitted by the roles that serve it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from roles.spec import Network, Port, Spec


class FirewallSpec(Spec):
    """SSH on `ssh_port` is admitted from `management_sources` only."""

    management_sources: tuple[Network, ...] = Field(min_length=1)
    ssh_port: Port = 22
    confirm_seconds: Annotated[float, Field(ge=0, le=600)] = 60
    """The old rules come back after this time unless the controller got in over a new connection."""
