"""A program whose engine was killed ends.

The SDK (3.259) would wait for ever for answers nobody gives any more: an outlived program on the controller. The
language host that started it dies with the engine (toolchain/go_tools.py), so its end is the sign.
"""

from __future__ import annotations

import os
import threading
import time

_PERIOD_SECONDS = 1.0


def end_with_the_engine() -> None:
    """Call once, first of all."""
    threading.Thread(target=_watch, args=(os.getppid(),), name="end-with-the-engine", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PERIOD_SECONDS)
    # Nobody is there to be told, and no handler may wait for an answer.
    os._exit(1)  # pyright: ignore[reportPrivateUsage]
