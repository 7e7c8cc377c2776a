"""The clients that count outages: what they call an answer, a loss and a gap."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Generator

import pytest

from bench.clients.engine import Engine, Plan, judge
from bench.clients.holders import Holders
from bench.clients.traffic import Seen, Traffic
from lab.shell import wait_until

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Served-By: Server 1\r\nConnection: close\r\n\r\nok"

Answering = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Generator[Callable[[Answering], int], None, None]:
    """Serves each connection with a function, one after another; returns the port."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(answer: Answering) -> int:
        listener = socket.create_server(("127.0.0.1", 0), backlog=1000)
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    answer(connection)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        # Closing alone does not wake a thread that waits in accept.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(timeout=10)


def _ok(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(OK)


def _run(port: int, requests: int, timeout_seconds: float = 2) -> Seen:
    engine = Engine(Plan("127.0.0.1", port, rate=500, timeout_seconds=timeout_seconds))
    asked = 0

    def enough() -> bool:
        nonlocal asked
        asked += 1
        return asked > requests

    outcome = engine.run(enough)
    return Seen(tuple(outcome.answers), tuple(outcome.losses), outcome.late_seconds)


@pytest.mark.parametrize(
    ("answer", "problem", "server"),
    [
        (OK, "", "Server 1"),
        (OK[:-1], "body cut short", ""),
        (OK[:30], "head cut short", ""),
        (b"", "closed without an answer", ""),
        (b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n<html>", "", ""),
        (b"HTTP/1.1 302 Found\r\n\r\n", "", ""),
        (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", "status 503", ""),
        (b"nonsense\r\n\r\n", "status none", ""),
    ],
)
def test_only_a_complete_good_answer_counts(answer: bytes, problem: str, server: str) -> None:
    assert judge(answer) == (problem, server)


def test_every_request_is_answered_or_lost_and_says_by_whom(serve: Callable[[Answering], int]) -> None:
    seen = _run(serve(_ok), requests=20)
    assert seen.losses == ()
    assert seen.sent == len(seen.answers) > 0
    assert seen.servers == {"Server 1": seen.sent}


def test_a_server_that_closes_without_an_answer_is_a_loss(serve: Callable[[Answering], int]) -> None:
    seen = _run(serve(socket.socket.close), requests=5)
    assert seen.answers == ()
    assert set(seen.reasons) <= {"closed without an answer", "ECONNRESET", "EPIPE"}
    assert seen.sent > 0


def test_a_closed_port_is_a_loss(serve: Callable[[Answering], int]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert set(_run(port, requests=5).reasons) == {"ECONNREFUSED"}


def test_a_server_that_never_answers_is_a_loss_after_the_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        seen = _run(silent.getsockname()[1], requests=3, timeout_seconds=0.05)
    assert set(seen.reasons) == {"timeout"}
    assert all(loss.ended - loss.sent > 0.05 for loss in seen.losses)


def test_traffic_runs_beside_the_block_and_is_told_afterwards(serve: Callable[[Answering], int]) -> None:
    answered = threading.Event()

    def answer(connection: socket.socket) -> None:
        _ok(connection)
        answered.set()

    with Traffic(Plan("127.0.0.1", serve(answer), rate=100)) as traffic:
        assert answered.wait(timeout=10)
    assert traffic.seen.losses == ()
    assert traffic.seen.servers["Server 1"] == traffic.seen.sent > 0


def test_the_holder_of_an_address_is_seen_from_outside_and_a_host_that_is_off_holds_nothing() -> None:
    sampled = threading.Event()

    def init_of(name: str) -> int | None:
        sampled.set()
        return {"here": 1, "off": None}[name]

    with Holders("127.0.0.1", ("here", "off"), init_of) as holders:
        assert sampled.wait(timeout=10)
        wait_until(lambda: holders.count >= 2, "two samples", 10)
    assert {span.holders for span in holders.spans} == {frozenset({"here"})}
    assert holders.worst() == {}
