"""First contact: what a server that has only a password runs once, before any role reaches it.

No `Role`: there is no way in yet for what applies roles. `COMMAND` is a constant, so a process list shows nothing of
the host's own; the password and the script come on standard input (`stdin`).
"""

from __future__ import annotations

import shlex
from pathlib import Path

from roles.first_contact.spec import FirstContactSpec

_HERE = Path(__file__).parent
COMMAND = f"exec sh -c {shlex.quote((_HERE / 'as_root.sh').read_text())}"
"""Whatever login shell the first user has, sh goes on from there."""


def stdin(spec: FirstContactSpec, password: str) -> str:
    """The password for sudo in its own line (empty: sudo asks for none), then the script."""
    keys = "\n".join(spec.authorized_keys)
    values = f"user={shlex.quote(spec.user)}\nkeys={shlex.quote(keys)}\n"
    return f"{password}\n{values}{(_HERE / 'enrol.sh').read_text()}"
