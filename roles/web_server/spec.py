"""The instances of the web application on one host."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from roles.model import Seconds, Sha256
from roles.spec import Address, Network, Port, Spec


class WebServerSpec(Spec):
    """One instance per port; all serve the same release and call themselves `label`."""

    address: Address
    ports: tuple[Port, ...] = Field(min_length=1)
    label: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9 _.-]{1,60}$")]
    """What the page says, for example `Server 1`."""
    balancer_sources: tuple[Network, ...] = Field(min_length=1)
    release_sha256: Sha256
    release_source: str
    """Directory on the controller that holds the package `web`, relative to the project."""
    drain_notice_seconds: Seconds = 4
    """Until every balancer has seen that an instance drains (`HealthCheck.notice_seconds`)."""
    drain_wait_seconds: Seconds = 60
    """How long an instance that is to be restarted waits for its sessions to end."""
