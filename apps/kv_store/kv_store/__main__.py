"""`python -m kv_store --address A --port P --file F`: serves the store until SIGTERM."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from kv_store.cli import default_file
from kv_store.server import KeyValueServer
from kv_store.store import Store


def main() -> int:
    """Runs the server; returns the exit code."""
    parser = argparse.ArgumentParser(prog="kv_store", description="Serves a key-value store over HTTP.")
    parser.add_argument("--address", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8100, help="port to listen on, 0 for any (default: %(default)s)")
    parser.add_argument("--file", type=Path, default=default_file(), help="the file (default: %(default)s)")
    parser.add_argument("--max-bytes", type=int, default=1 << 30, help="largest file size (default: %(default)s)")
    given = parser.parse_args()
    store = Store(given.file, given.max_bytes)
    try:
        store.check_writable()
        server = KeyValueServer(store, given.address, given.port)
    except (OSError, ValueError, OverflowError) as problem:
        print(f"kv_store: cannot serve {given.file} at {given.address} port {given.port}: {problem}", file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, name="accept").start()
    print(f"kv_store serves {given.file} at http://{given.address}:{server.server_port}", flush=True)
    stop.wait()
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
