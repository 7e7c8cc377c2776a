"""The kernel settings of a host that carries live audio."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from roles.spec import Spec


class KernelProfileSpec(Spec):
    """Defaults are the platform's profile; a host that serves a virtual IP also needs `binds_virtual_ip`."""

    binds_virtual_ip: bool = False
    """Daemons may listen on an address that the other host holds at the moment."""
    socket_buffer_bytes: Annotated[int, Field(ge=212_992)] = 16 * 2**20
    listen_backlog: Annotated[int, Field(ge=128, le=65_535)] = 65_535
    device_backlog: Annotated[int, Field(ge=1000)] = 30_000
    open_files: Annotated[int, Field(ge=65_536)] = 2_097_152
    """Of the whole host (`fs.file-max`)."""
    open_files_per_process: Annotated[int, Field(ge=65_536)] = 1_048_576
    realtime_microseconds: Annotated[int, Field(ge=-1, le=1_000_000)] = 950_000
    """Of each second; what is left keeps a host reachable whose real-time thread runs wild."""
