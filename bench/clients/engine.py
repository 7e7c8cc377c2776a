"""An open-loop HTTP client in one thread: requests leave when they are due, however late the answers are.

Every request has a connection of its own. That is the harshest client for a reload or a failover, and it needs no
back-off of its own that could hide an outage.
"""

from __future__ import annotations

import errno
import select
import socket
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

_READ_BYTES = 65_536


@dataclass(frozen=True)
class Plan:
    """`rate` requests per second for `path`; one that is not complete after `timeout_seconds` has failed."""

    address: str
    port: int = 80
    path: str = "/"
    rate: float = 500
    timeout_seconds: float = 3


@dataclass(frozen=True)
class Answer:
    """A complete answer with a status below 400; times are of the monotonic clock, in seconds."""

    sent: float
    done: float
    server: str


@dataclass(frozen=True)
class Loss:
    """A request without such an answer, and what happened instead (`timeout`, `reset`, `status 503`, ...)."""

    sent: float
    ended: float
    reason: str


@dataclass
class Outcome:
    """Everything one run saw."""

    answers: list[Answer] = field(default_factory=list["Answer"])
    losses: list[Loss] = field(default_factory=list["Loss"])
    late_seconds: float = 0
    """How late the client itself was at worst: a gap shorter than this may be its own."""


@dataclass
class _Request:
    connection: socket.socket
    sent: float
    received: bytearray = field(default_factory=bytearray)
    asked: bool = False


class Engine:
    """Runs a plan until `stopping` says so, then waits for what is still open."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._head = f"GET {plan.path} HTTP/1.1\r\nHost: {plan.address}\r\nConnection: close\r\n\r\n".encode()
        self._epoll = select.epoll()
        self._open: dict[int, _Request] = {}
        self._order: deque[tuple[float, int]] = deque()
        """Send time and descriptor, oldest first."""
        self._outcome = Outcome()

    def run(self, stopping: Callable[[], bool]) -> Outcome:
        """Blocks; `stopping` is asked about every millisecond."""
        interval = 1 / self._plan.rate
        due = monotonic()
        stopped = False
        while not stopped or self._open:
            now = monotonic()
            stopped = stopped or stopping()
            if not stopped and now >= due:
                self._outcome.late_seconds = max(self._outcome.late_seconds, now - due)
            while not stopped and now >= due:
                self._start()
                due += interval
            self._expire(now)
            for descriptor, _ in self._epoll.poll(max(0.0, min(due - monotonic(), 0.001))):
                request = self._open.get(descriptor)
                if request is not None:
                    self._advance(descriptor, request)
        self._epoll.close()
        return self._outcome

    def _start(self) -> None:
        connection = socket.socket(socket.AF_INET6 if ":" in self._plan.address else socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        request = _Request(connection, monotonic())
        code = connection.connect_ex((self._plan.address, self._plan.port))
        if code not in (0, errno.EINPROGRESS):
            self._lose(request, errno.errorcode.get(code, str(code)))
            return
        descriptor = connection.fileno()
        self._open[descriptor] = request
        self._order.append((request.sent, descriptor))
        self._epoll.register(descriptor, select.EPOLLOUT)

    def _advance(self, descriptor: int, request: _Request) -> None:
        try:
            if not request.asked:
                request.connection.sendall(self._head)
                request.asked = True
                self._epoll.modify(descriptor, select.EPOLLIN)
                return
            piece = request.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as problem:
            self._lose(request, errno.errorcode.get(problem.errno or 0, "error"))
            return
        if piece:
            request.received += piece
        else:
            self._judge(request)

    def _judge(self, request: _Request) -> None:
        problem, server = judge(bytes(request.received))
        if problem:
            self._lose(request, problem)
        else:
            self._close(request)
            self._outcome.answers.append(Answer(request.sent, monotonic(), server))

    def _lose(self, request: _Request, reason: str) -> None:
        self._close(request)
        self._outcome.losses.append(Loss(request.sent, monotonic(), reason))

    def _close(self, request: _Request) -> None:
        # Closing takes the descriptor out of the epoll set as well.
        self._open.pop(request.connection.fileno(), None)
        request.connection.close()

    def _expire(self, now: float) -> None:
        while self._order and now - self._order[0][0] > self._plan.timeout_seconds:
            sent, descriptor = self._order.popleft()
            request = self._open.get(descriptor)
            # The descriptor may belong to a later request by now.
            if request is not None and request.sent == sent:
                self._lose(request, "timeout")


def judge(answer: bytes) -> tuple[str, str]:
    """What is wrong with a complete answer ("" if nothing), and the server that says it gave it."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return ("closed without an answer" if not answer else "head cut short"), ""
    status_line, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    status = status_line.split(" ")[1] if " " in status_line else "none"
    if not (status.isdigit() and int(status) < 400):
        return f"status {status}", ""
    if "content-length" in headers and len(body) != int(headers["content-length"]):
        return "body cut short", ""
    return "", headers.get("x-served-by", "")
