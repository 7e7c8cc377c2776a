"""`python -m provider ENGINE_ADDRESS`: what the engine starts."""

from __future__ import annotations

import ctypes.util
import os
import socket
import sys
from pathlib import Path

from provider import spare


def main(engine: str) -> None:
    """Serves the engine, unless a spare process does."""
    if spare.stand_in(engine):
        return
    # asyncssh asks for libraries of key exchanges it can do without; the answer would cost four runs of a linker.
    ctypes.util.find_library = _no_library
    # Not before it is known that this process serves: the imports take half a second.
    import asyncio  # noqa: PLC0415

    from provider.front import Adopted, Started  # noqa: PLC0415
    from provider.invocation import Caller  # noqa: PLC0415
    from provider.serve import serve  # noqa: PLC0415

    # The engine starts its plugins in the project's folder.
    caller, project = Caller.of_this_process(engine), Path.cwd()

    def serve_another(connection: socket.socket) -> None:
        asyncio.run(serve(caller, project, lambda: Adopted(connection)))

    spare.keep(engine, serve_another)
    asyncio.run(serve(caller, project, Started))


def _no_library(name: str) -> str | None:  # noqa: ARG001 - the signature of what it stands for
    return None


if __name__ == "__main__":
    address = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    if not address:
        sys.exit("this is a plugin of Pulumi; the engine starts it with its address")
    main(address)
    sys.stdout.flush()
    # Everything is closed: the engine need not wait until the interpreter has taken itself apart.
    os._exit(0)
