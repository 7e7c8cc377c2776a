"""`python -m provider ENGINE_ADDRESS`: what the engine starts."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from provider.serve import serve

if __name__ == "__main__":
    address = next((argument for argument in sys.argv[1:] if not argument.startswith("-")), "")
    if not address:
        sys.exit("this is a plugin of Pulumi; the engine starts it with its address")
    # The engine starts its plugins in the project's folder.
    asyncio.run(serve(address, Path.cwd()))
