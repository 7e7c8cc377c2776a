"""`python -m web --address A --port P --label "Server 1"`: serves one instance until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from web.server import Options, Server


def _port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65_535:
        raise argparse.ArgumentTypeError(f"{number} is not a port (0 to 65535)")
    return number


def options(arguments: list[str]) -> Options:
    """Reads the command line; ends with a usage message when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="web",
        description='Says "Hello, World!" and its name at /, its health at /health, and echoes at /ws (WebSocket).',
        epilog="/idle answers 200 when nothing is being served and 409 otherwise, to clients on this host only.",
    )
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=8001, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument("--label", default="Server 1", help="the name it gives itself (default: %(default)s)")
    parser.add_argument("--drain-marker", type=Path, help='file whose presence makes /health answer 503 "draining"')
    parser.add_argument(
        "--stop-seconds", type=float, default=20, help="time for open requests after SIGTERM (default: %(default)s)"
    )
    given = parser.parse_args(arguments)
    return Options(given.address, given.port, given.label, given.drain_marker, given.stop_seconds)


def main() -> int:
    """Runs the server; returns the exit code."""
    chosen = options(sys.argv[1:])
    try:
        asyncio.run(Server(chosen).run())
    except OSError as problem:
        print(f"web: cannot listen on {chosen.address} port {chosen.port}: {problem.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
