"""The store as an HTTP API, asked over real connections."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from kv_store.record import Record, encode

from tests.unit.apps.conftest import APPS, Application, Starter

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "storage.json"


@pytest.fixture
def api(start: Starter, file: Path) -> Application:
    return start("kv_store", "kv_store", "--file", str(file))


class Client:
    """One connection that is kept alive."""

    def __init__(self, application: Application) -> None:
        self.connection = http.client.HTTPConnection(urlsplit(application.url).netloc, timeout=10)

    def __call__(
        self, method: str, target: str, body: str | bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        self.connection.request(method, target, body, headers or {})
        answer = self.connection.getresponse()
        return answer.status, answer.read().decode()


Connect = Callable[[Application], Client]


@pytest.fixture
def connect() -> Generator[Connect, None, None]:
    """Makes clients; closes their connections after the test."""
    clients: list[Client] = []

    def make(application: Application) -> Client:
        clients.append(Client(application))
        return clients[-1]

    yield make
    for client in clients:
        client.connection.close()


@pytest.fixture
def ask(api: Application, connect: Connect) -> Client:
    return connect(api)


def test_values_posted_as_form_or_json_come_back_in_order(ask: Client) -> None:
    assert ask("POST", "/", "key=K&val=a%2Bb", FORM) == (201, "")
    assert ask("POST", "/", json.dumps({"key": "K", "val": "ü, x"}), JSON) == (201, "")
    assert ask("GET", "/?key=K") == (200, "a+b, ü, x")
    assert ask("GET", "/?key=missing") == (200, "")


def test_json_is_answered_when_it_is_asked_for(ask: Client) -> None:
    accept = {"Accept": "application/json"}
    assert ask("POST", "/", "key=K&val=a", FORM | accept) == (201, '{"key": "K", "count": 1}\n')
    assert ask("GET", "/?key=K", headers=accept) == (200, '{"key": "K", "values": ["a"]}\n')
    assert ask("GET", "/?key=missing", headers=accept) == (200, '{"key": "missing", "values": []}\n')


def test_the_page_without_a_key_describes_the_store(ask: Client) -> None:
    status, text = ask("GET", "/")
    assert status == 200
    assert text.startswith("<!doctype html>")
    assert "GET /?key=" in text
    assert "POST /" in text


def test_an_acknowledged_value_is_in_the_file_when_the_answer_comes_and_survives_a_kill(
    api: Application, start: Starter, connect: Connect, file: Path
) -> None:
    ask = connect(api)
    ask("POST", "/", "key=K&val=a", FORM)
    assert file.read_bytes() == encode(Record("K", "a"))
    api.process.kill()
    api.process.wait(timeout=10)
    again = start("kv_store", "kv_store", "--file", str(file))
    assert connect(again)("GET", "/?key=K") == (200, "a")


def test_the_command_line_and_the_server_share_one_file(api: Application, ask: Client, file: Path) -> None:
    ask("POST", "/", "key=K&val=http", FORM)
    storage = [sys.executable, "storage.py", "--file", str(file), "--key", "K"]
    subprocess.run([*storage, "--val", "command"], cwd=APPS / "kv_store", check=True, timeout=20)
    assert ask("GET", "/?key=K") == (200, "http, command")
    ask("POST", "/", "key=K&val=again", FORM)
    shown = subprocess.run(storage, cwd=APPS / "kv_store", check=True, capture_output=True, text=True, timeout=20)
    assert shown.stdout == "http, command, again\n"


def test_many_clients_at_once_lose_nothing(api: Application, connect: Connect) -> None:
    def write(ask: Client, name: str) -> None:
        for number in range(25):
            assert ask("POST", "/", f"key=K&val={name}{number}", FORM)[0] == 201

    writers = [threading.Thread(target=write, args=(connect(api), name)) for name in "abcdefgh"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=30)
    values = connect(api)("GET", "/?key=K")[1].split(", ")
    assert len(values) == 200
    assert [value for value in values if value[0] == "c"] == [f"c{number}" for number in range(25)]


@pytest.mark.parametrize(
    ("method", "target", "body", "headers", "status", "message"),
    [
        ("GET", "/?key=", None, {}, 400, "the key is empty"),
        ("GET", "/?key=a&key=b", None, {}, 400, "given 2 times"),
        ("GET", "/?key=%FF", None, {}, 400, "not valid UTF-8"),
        ("GET", "/other", None, {}, 404, "only / and /health"),
        ("POST", "/", "key=K", FORM, 400, "'val' is missing"),
        ("POST", "/", "val=V", FORM, 400, "'key' is missing"),
        ("POST", "/", "[1]", JSON, 400, "send an object"),
        ("POST", "/", "{", JSON, 400, "not JSON"),
        ("POST", "/", '{"key": "K", "val": 1}', JSON, 400, "'val' is not a text"),
        ("POST", "/", '{"key": "K", "val": "\\ud800"}', JSON, 400, "not valid Unicode"),
        ("POST", "/", "key=K&val=" + "v" * 262_145, FORM, 400, "at most 262144 are allowed"),
        ("POST", "/", "key=K&val=" + "v" * 800_000, FORM, 413, "bytes are accepted"),
        ("POST", "/", "<key/>", {"Content-Type": "text/xml"}, 415, "send application/x-www-form-urlencoded"),
        ("DELETE", "/", None, {}, 405, "DELETE is not supported"),
    ],
)
def test_a_wrong_request_is_refused_with_a_reason_and_stores_nothing(
    ask: Client,
    file: Path,
    method: str,
    target: str,
    body: str | None,
    headers: dict[str, str],
    status: int,
    message: str,
) -> None:
    answer = ask(method, target, body, headers)
    assert answer[0] == status
    assert message in answer[1]
    assert file.read_bytes() == b""


def test_a_body_that_is_not_wanted_is_never_taken_for_the_next_request(api: Application) -> None:
    address = urlsplit(api.url)
    smuggled = b"GET /?key=K HTTP/1.1\r\nHost: a\r\n\r\n"
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        connection.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(smuggled) + smuggled)
        received = b""
        while piece := connection.recv(4096):
            received += piece
    assert received.count(b"HTTP/1.1 ") == 1
    assert b"Connection: close" in received


def test_a_full_store_says_so_and_goes_on_serving(start: Starter, connect: Connect, file: Path) -> None:
    ask = connect(start("kv_store", "kv_store", "--file", str(file), "--max-bytes", "60"))
    assert ask("POST", "/", "key=K&val=first", FORM)[0] == 201
    assert ask("POST", "/", "key=K&val=" + "v" * 50, FORM)[0] == 507
    assert ask("GET", "/?key=K") == (200, "first")


def test_health_tells_whether_a_value_could_be_stored_now(api: Application, ask: Client, file: Path) -> None:
    assert ask("GET", "/health") == (200, "ok")
    file.unlink()
    file.mkdir()
    status, text = ask("GET", "/health")
    assert status == 503
    assert "the file cannot be used" in text
    file.rmdir()
    assert ask("GET", "/health") == (200, "ok")


def test_a_stop_does_not_wait_for_an_idle_connection(api: Application, ask: Client) -> None:
    ask("GET", "/health")
    assert api.stop() == 0


def test_a_port_that_is_taken_is_a_clear_error(api: Application, ask: Client, file: Path) -> None:
    port = str(urlsplit(api.url).port)
    done = subprocess.run(
        [sys.executable, "-m", "kv_store", "--file", str(file), "--port", port],
        cwd=APPS / "kv_store",
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 1
    assert "cannot serve" in done.stderr
    assert "Traceback" not in done.stderr
