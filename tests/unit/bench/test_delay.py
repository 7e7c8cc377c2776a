"""The relay that makes the way to a host longer delays every byte, in order, and counts."""

from __future__ import annotations

import socket
import threading
from collections.abc import Generator
from time import monotonic

import pytest

from bench.clients.delay import Delay

ROUND_TRIP = 0.05


@pytest.fixture
def echo() -> Generator[int, None, None]:
    """A server that says what it hears, for one connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            while piece := connection.recv(100):
                connection.sendall(piece)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    thread.join()
    listener.close()


def test_a_connection_and_every_question_cost_a_round_trip(echo: int) -> None:
    with Delay({"one": "127.0.0.1"}, ROUND_TRIP, port=echo) as delay:
        address, _, port = delay.endpoints["one"].partition(":")
        begin = monotonic()
        with socket.create_connection((address, int(port))) as connection:
            answers: list[bytes] = []
            for word in (b"first", b"second", b"third"):
                connection.sendall(word)
                answers.append(connection.recv(100))
        assert monotonic() - begin >= 4 * ROUND_TRIP
        assert answers == [b"first", b"second", b"third"]
        assert (delay.connections, delay.turns) == ({"one": 1}, {"one": 3})


def test_what_is_said_in_pieces_arrives_in_order(echo: int) -> None:
    pieces = [f"{number} ".encode() for number in range(200)]
    with Delay({"one": "127.0.0.1"}, ROUND_TRIP, port=echo) as delay:
        address, _, port = delay.endpoints["one"].partition(":")
        with socket.create_connection((address, int(port))) as connection:
            for piece in pieces:
                connection.sendall(piece)
            heard = b""
            while len(heard) < len(b"".join(pieces)):
                heard += connection.recv(65_536)
        assert heard == b"".join(pieces)
        assert delay.turns["one"] <= len(pieces)
