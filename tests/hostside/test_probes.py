"""Probes ask the service itself, and say what it answered."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hostside.machine import Machine
from hostside.probes import answer_once, wait_until
from hostside.values import CommandProbe, HttpProbe, TcpProbe

MACHINE = Machine()


class Page(BaseHTTPRequestHandler):
    """Answers 503 twice, then a page."""

    asked = 0

    def do_GET(self) -> None:
        Page.asked += 1
        body = b"Hello, World!"
        self.send_response(200 if Page.asked > 2 else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Says nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    """A web server that needs a moment."""
    Page.asked = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_a_service_is_asked_until_it_is_right(url: str) -> None:
    assert wait_until(MACHINE, HttpProbe(url, contains="Hello", deadline_seconds=10)) == ""
    assert Page.asked == 3


def test_the_answer_is_told_when_it_is_wrong(url: str) -> None:
    assert answer_once(MACHINE, HttpProbe(url), 5) == (
        f"{url}: answered 503 Service Unavailable 'Hello, World!', wanted is 200"
    )
    wrong = wait_until(MACHINE, HttpProbe(url, contains="Goodbye", deadline_seconds=0.5))
    assert wrong == f"{url}: the answer 'Hello, World!' does not hold 'Goodbye'"


def test_a_port_that_nobody_listens_on_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert (
            answer_once(MACHINE, TcpProbe("127.0.0.1", port), 1) == f"127.0.0.1:{port}: [Errno 111] Connection refused"
        )
        taken.listen()
        assert answer_once(MACHINE, TcpProbe("127.0.0.1", port), 1) == ""


def test_a_command_is_right_by_its_exit_status_and_what_it_prints() -> None:
    assert answer_once(MACHINE, CommandProbe(("echo", "ready"), contains="ready"), 5) == ""
    assert answer_once(MACHINE, CommandProbe(("echo", "ready"), contains="steady"), 5) == (
        "echo ready: answered 'ready', wanted is 'steady' in it"
    )
    assert answer_once(MACHINE, CommandProbe(("sh", "-c", "echo no >&2; exit 3")), 5).endswith("exit status 3: no")
    assert "not found" in answer_once(MACHINE, CommandProbe(("soundstage-has-no-such-program",)), 5)


def test_a_command_that_never_ends_is_ended_with_all_its_children() -> None:
    assert "no end after 0.2 s" in answer_once(MACHINE, CommandProbe(("sh", "-c", "sleep 30 & wait")), 0.2)
