"""`python -m provider ENGINE_ADDRESS`: what the engine starts."""

from __future__ import annotations

import ctypes.util
import os
import sys
from pathlib import Path

from provider import rendezvous


def main(engine: str) -> None:
    """Serves the engine, or leaves it to the process that does already."""
    port = rendezvous.port_of_another(engine)
    if port is not None:
        rendezvous.stand_in(port)
        return
    # asyncssh asks for libraries of key exchanges it can do without; the answer would cost four runs of a linker.
    ctypes.util.find_library = _no_library
    # Not before it is known that this process serves: the imports take most of its life.
    import asyncio  # noqa: PLC0415

    from provider.serve import serve  # noqa: PLC0415

    # The engine starts its plugins in the project's folder.
    asyncio.run(serve(engine, Path.cwd()))


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
