"""One channel, many requests: JSON lines in, JSON lines out.

Every request runs in a child of its own session that writes its answers to a file; the server only follows
the file. So the end of the connection, at whatever moment, neither stops nor blocks what a child is doing.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import selectors
import signal
from collections.abc import Mapping
from typing import Callable, cast

from .failure import Failure

EVENTS = "/run/soundstage"
_CHUNK = 1 << 16

Progress = Callable[[str], None]
Handler = Callable[[Mapping[str, object], Progress], object]


class _Child:
    """A request that runs: its event file, how far it was followed, and whether it has answered."""

    def __init__(self, request: object, pid: int, events: str, doorbell: int) -> None:
        self.request = request
        self.pid = pid
        self.events = events
        self.doorbell = doorbell
        self.followed = 0
        self.answered = False


class Server:
    """Serves requests from the descriptor `source` to the descriptor `sink` until both have gone.

    `before_fork` sees each request before its child starts: what it reads and loads, the child inherits.
    """

    def __init__(self, handle: Handler, directory: str, source: int = 0, sink: int = 1) -> None:
        self._handle = handle
        self._directory = directory
        self._source = source
        self._sink = sink
        self._children: dict[int, _Child] = {}
        self._selector = selectors.DefaultSelector()
        self._count = 0
        self.before_fork: Callable[[Mapping[str, object]], None] = lambda _: None

    def run(self, hello: Mapping[str, str]) -> None:
        """Serves; returns when the input has ended and every child has answered, or when nobody listens."""
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        os.makedirs(self._directory, 0o700, exist_ok=True)
        self._sweep()
        with contextlib.suppress(BrokenPipeError):
            self._say({"hello": hello})
            self._selector.register(self._source, selectors.EVENT_READ)
            self._loop()
        # While another connection or a child writes there, it stays.
        with contextlib.suppress(OSError):
            os.rmdir(self._directory)

    def _sweep(self) -> None:
        """Removes event files that nobody reads and nobody writes any more."""
        for name in os.listdir(self._directory):
            path = os.path.join(self._directory, name)
            if os.path.exists(f"/proc/{name.partition('-')[0]}"):
                continue
            with contextlib.suppress(FileNotFoundError, BlockingIOError), open(path, "rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink(path)

    def _loop(self) -> None:
        pending = b""
        reading = True
        while reading or self._children:
            for key, _ in self._selector.select():
                if key.fd != self._source:
                    self._follow(self._children[key.fd])
                    continue
                chunk = os.read(self._source, _CHUNK)
                if not chunk:
                    self._selector.unregister(self._source)
                    reading = False
                    continue
                # Only the part after the last newline is kept: a long line is not searched again and again.
                head, newline, rest = chunk.rpartition(b"\n")
                if not newline:
                    pending += chunk
                    continue
                lines, pending = pending + head, rest
                for line in lines.split(b"\n"):
                    self._accept(line)

    def _accept(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            request: object = json.loads(line)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self._say({"id": None, "error": {"step": "request", "message": "a line is no JSON object", "journal": ""}})
            return
        wanted = cast("Mapping[str, object]", request)
        self.before_fork(wanted)
        self._start(wanted)

    def _start(self, request: Mapping[str, object]) -> None:
        self._count += 1
        events = os.path.join(self._directory, f"{os.getpid()}-{self._count}.events")
        log = self._open(events)
        heard, doorbell = os.pipe()
        pid = os.fork()
        if pid == 0:
            for inherited in (self._source, self._sink, heard):
                os.close(inherited)
            os.set_blocking(doorbell, False)
            _child(self._handle, request, _Log(log, events, doorbell))
        os.close(log)
        os.close(doorbell)
        self._children[heard] = _Child(request.get("id"), pid, events, heard)
        self._selector.register(heard, selectors.EVENT_READ)

    def _open(self, events: str) -> int:
        """Opens a new event file; a server that ends meanwhile may have taken the empty directory away."""
        while True:
            os.makedirs(self._directory, 0o700, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                log = os.open(events, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL, 0o600)
                # Held as long as the child lives: by this another server knows that somebody writes.
                fcntl.flock(log, fcntl.LOCK_EX)
                return log

    def _follow(self, child: _Child) -> None:
        ended = not os.read(child.doorbell, _CHUNK)
        with contextlib.suppress(FileNotFoundError), open(child.events, "rb") as stream:
            stream.seek(child.followed)
            news = stream.read()
            whole = news[: news.rfind(b"\n") + 1]
            child.followed += len(whole)
            if whole:
                child.answered = not whole.splitlines()[-1].startswith(_PROGRESS_START)
            self._write(whole)
        if ended:
            self._end(child)

    def _end(self, child: _Child) -> None:
        self._selector.unregister(child.doorbell)
        os.close(child.doorbell)
        del self._children[child.doorbell]
        _, status = os.waitpid(child.pid, 0)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(child.events)
        if not child.answered:
            message = f"the program on the host ended without an answer (wait status {status})"
            self._say({"id": child.request, "error": {"step": "serve", "message": message, "journal": ""}})

    def _say(self, event: Mapping[str, object]) -> None:
        self._write(json.dumps(event).encode() + b"\n")

    def _write(self, content: bytes) -> None:
        while content:
            content = content[os.write(self._sink, content) :]


_PROGRESS_START = b'{"progress"'


class _Log:
    """Where a child writes its answers, and the bell it rings after each."""

    def __init__(self, descriptor: int, path: str, doorbell: int) -> None:
        self.path = path
        self._descriptor = descriptor
        self._doorbell = doorbell

    def report(self, request: object, kind: str, content: object) -> None:
        """Appends one event."""
        line = json.dumps({kind: content, "id": request}).encode() + b"\n"
        while line:
            line = line[os.write(self._descriptor, line) :]
        # Nobody has to hear the bell: the controller may be gone.
        with contextlib.suppress(BrokenPipeError, BlockingIOError):
            os.write(self._doorbell, b".")


def _child(handle: Handler, request: Mapping[str, object], log: _Log) -> None:
    """Runs one request and never returns."""
    server = os.getppid()
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    number = request.get("id")
    try:
        kind, content = outcome(handle, request, lambda text: log.report(number, "progress", text))
        log.report(number, kind, content)
        if os.getppid() != server:
            os.unlink(log.path)
    finally:
        os._exit(0)


def outcome(handle: Handler, request: Mapping[str, object], progress: Progress) -> tuple[str, object]:
    """The answer to one request: ("result", value) or ("error", {step, message, journal}); never a traceback."""
    try:
        return "result", handle(request, progress)
    except Failure as failure:
        return "error", {"step": failure.step, "message": failure.message, "journal": failure.journal}
    # The channel carries an answer to every request, whatever happened; a traceback would carry secrets.
    except Exception as error:  # noqa: BLE001
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" ({os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno})" if trace else ""
        said = f"{type(error).__name__}: {error}" if isinstance(error, OSError) else type(error).__name__
        return "error", {"step": "host", "message": said + place, "journal": ""}
