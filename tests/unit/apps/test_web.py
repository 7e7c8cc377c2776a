"""The sample web application, asked over real connections."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSCloseCode, WSMsgType, web
from aiohttp.test_utils import TestClient, TestServer
from web.server import Options, Server

from tests.unit.apps.conftest import APPS, Starter


async def _get(url: str, **headers: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        return answer.status, await answer.text(), answer.headers.get("Connection", "")


async def _become_idle(url: str) -> None:
    async with asyncio.timeout(5):
        while (await _get(url + "/idle"))[0] != 200:
            pass


async def test_the_page_says_hello_and_names_its_server(start: Starter) -> None:
    server = start("web", "web", "--label", "Server 2")
    status, text, _ = await _get(server.url + "/")
    assert status == 200
    assert "Hello, World!" in text
    assert "Server 2" in text
    assert "Server 1" not in text


async def test_the_page_asks_for_nothing_from_elsewhere(start: Starter) -> None:
    _, text, _ = await _get(start("web", "web").url + "/")
    for reference in ("src=", "href=", "url(", "@import"):
        assert reference not in text


async def test_a_label_cannot_bring_markup_into_the_page(start: Starter) -> None:
    _, text, _ = await _get(start("web", "web", "--label", "<script>x</script>").url + "/")
    assert "<script>" not in text
    assert "&lt;script&gt;x&lt;/script&gt;" in text


async def test_health_says_draining_only_while_the_marker_is_there(start: Starter, tmp_path: Path) -> None:
    marker = tmp_path / "8001.drain"
    server = start("web", "web", "--drain-marker", str(marker))
    assert await _get(server.url + "/health") == (200, "ok", "")
    marker.touch()
    assert await _get(server.url + "/health") == (503, "draining", "")
    marker.unlink()
    assert await _get(server.url + "/health") == (200, "ok", "")


async def test_a_draining_server_still_serves_but_keeps_no_connection_for_the_next_request(
    start: Starter, tmp_path: Path
) -> None:
    marker = tmp_path / "drain"
    server = start("web", "web", "--drain-marker", str(marker))
    assert (await _get(server.url + "/"))[::2] == (200, "")
    marker.touch()
    assert (await _get(server.url + "/"))[::2] == (200, "close")


async def test_a_web_socket_echoes_and_names_its_server(start: Starter) -> None:
    server = start("web", "web", "--label", "Server 3")
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + "/ws") as channel:
        await channel.send_str("can you hear me")
        assert await channel.receive_str() == "Server 3: can you hear me"
        await channel.send_bytes(b"\x00\xff")
        assert await channel.receive_bytes() == b"\x00\xff"


async def test_idle_counts_an_open_web_socket_and_forgets_it_when_it_ends(start: Starter) -> None:
    server = start("web", "web")
    assert (await _get(server.url + "/idle"))[:2] == (200, "idle")
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + "/ws") as channel:
        await channel.send_str("here")
        await channel.receive_str()
        assert (await _get(server.url + "/idle"))[:2] == (409, "1 open")
    await _become_idle(server.url)


async def test_idle_is_hidden_from_whoever_comes_through_a_proxy(start: Starter) -> None:
    server = start("web", "web")
    assert (await _get(server.url + "/idle", **{"X-Forwarded-For": "192.0.2.7"}))[0] == 404


async def test_a_stop_closes_web_sockets_as_going_away_and_ends_with_success(start: Starter) -> None:
    server = start("web", "web")
    async with aiohttp.ClientSession() as session, session.ws_connect(server.url + "/ws") as channel:
        server.process.terminate()
        message = await channel.receive(timeout=10)
        assert message.type is WSMsgType.CLOSE
        assert message.data == WSCloseCode.GOING_AWAY
    assert await asyncio.to_thread(server.process.wait, 10) == 0


async def test_a_stop_waits_for_the_request_that_is_being_answered() -> None:
    server = Server(Options(address="127.0.0.1", port=0, label="Server 1"))
    received, may_answer = asyncio.Event(), asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        del request
        received.set()
        await may_answer.wait()
        return web.Response(text="done")

    application = server.application()
    application.router.add_get("/slow", slow)
    async with TestClient(TestServer(application)) as client, asyncio.timeout(10):
        asking = asyncio.create_task(client.get("/slow"))
        await received.wait()
        stopping = asyncio.create_task(server.finish())
        assert (await client.get("/health")).status == 503
        assert not stopping.done()
        may_answer.set()
        await stopping
        assert await (await asking).text() == "done"


async def test_a_stop_gives_up_on_a_request_that_never_ends() -> None:
    server = Server(Options(address="127.0.0.1", port=0, label="Server 1", stop_seconds=0.05))
    received, may_answer = asyncio.Event(), asyncio.Event()

    async def endless(request: web.Request) -> web.StreamResponse:
        del request
        received.set()
        await may_answer.wait()
        return web.Response()

    application = server.application()
    application.router.add_get("/endless", endless)
    async with TestClient(TestServer(application)) as client, asyncio.timeout(10):
        asking = asyncio.create_task(client.get("/endless"))
        await received.wait()
        await server.finish()
        assert server.open_count == 1
        may_answer.set()
        await asking


def test_systemd_is_told_when_the_server_is_ready_and_when_it_stops(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(10)
        server = start("web", "web", NOTIFY_SOCKET=str(path))
        assert manager.recv(100) == b"READY=1"
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert manager.recv(100) == b"STOPPING=1"
        stopping.join(timeout=10)
    assert server.process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "70000"], "70000 is not a port"),
        (["--address", "192.0.2.1"], "cannot listen on 192.0.2.1"),
        (["--colour", "red"], "unrecognized arguments"),
    ],
)
def test_a_wrong_call_is_refused_with_a_reason_and_no_traceback(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "web", *arguments],
        cwd=APPS / "web",
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
