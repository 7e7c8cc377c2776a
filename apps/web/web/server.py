"""The web server: what it answers, what it counts as open, and how it stops without cutting anybody off."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from aiohttp import WSCloseCode, WSMsgType, web

from web.notify import notify
from web.page import page

_MAX_MESSAGE_BYTES = 64 * 1024
_LISTEN_BACKLOG = 4096
_CUT_SECONDS = 1
_UNCOUNTED = ("/health", "/idle")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class Options:
    """How one instance serves: where it listens, the name it gives itself, and the file that says "drain"."""

    address: str
    port: int
    label: str
    drain_marker: Path | None = None
    stop_seconds: float = 20
    """How long open requests may take to finish after SIGTERM."""


class Server:
    """One instance of the application. `open_count` is the number of requests and WebSockets being served."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._page = page(options.label)
        self._sockets: set[web.WebSocketResponse] = set()
        self._stopping = False
        self._none_open = asyncio.Event()
        self._none_open.set()
        self.open_count = 0

    @property
    def leaving(self) -> bool:
        """Whether new clients should go elsewhere: the drain marker exists, or the server is stopping."""
        marker = self._options.drain_marker
        return self._stopping or (marker is not None and marker.exists())

    def application(self) -> web.Application:
        """The routes of this instance."""
        application = web.Application(middlewares=[self._count_and_name], client_max_size=_MAX_MESSAGE_BYTES)
        application.router.add_get("/", self._hello)
        application.router.add_get("/health", self._health)
        application.router.add_get("/ws", self._echo)
        application.router.add_get("/idle", self._idle)
        return application

    async def run(self) -> None:
        """Serves until SIGTERM or SIGINT, then finishes what is open, at most `stop_seconds`.

        Raises OSError when the address or port cannot be used.
        """
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        runner = web.AppRunner(self.application(), access_log=None)
        await runner.setup()
        assert runner.server is not None
        options = self._options
        listener = await loop.create_server(runner.server, options.address, options.port, backlog=_LISTEN_BACKLOG)
        port = listener.sockets[0].getsockname()[1]
        print(f"{options.label} listens on http://{options.address}:{port}", flush=True)
        notify("READY=1")
        await stop.wait()
        notify("STOPPING=1")
        listener.close()
        await self.finish()
        await runner.server.shutdown(_CUT_SECONDS)
        await runner.cleanup()

    async def finish(self) -> None:
        """Closes the WebSockets with 1001 (going away) and waits for the open requests."""
        self._stopping = True
        closing = [socket.close(code=WSCloseCode.GOING_AWAY, message=b"server stops") for socket in self._sockets]
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._all_done(closing), self._options.stop_seconds)

    async def _all_done(self, closing: Iterable[Awaitable[bool]]) -> None:
        await asyncio.gather(*closing, return_exceptions=True)
        await self._none_open.wait()

    @web.middleware
    async def _count_and_name(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in _UNCOUNTED:
            return await handler(request)
        self.open_count += 1
        self._none_open.clear()
        try:
            response = await handler(request)
            if not response.prepared:
                response.headers["X-Served-By"] = self._options.label
                if self.leaving:
                    # A connection kept alive would bring the next request to a server that is about to go.
                    response.force_close()
            return response
        finally:
            self.open_count -= 1
            if self.open_count == 0:
                self._none_open.set()

    async def _hello(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text=self._page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _health(self, request: web.Request) -> web.StreamResponse:
        del request
        return web.Response(text="draining", status=503) if self.leaving else web.Response(text="ok")

    async def _idle(self, request: web.Request) -> web.StreamResponse:
        if not _is_local(request):
            raise web.HTTPNotFound
        if self.open_count:
            return web.Response(text=f"{self.open_count} open", status=409)
        return web.Response(text="idle")

    async def _echo(self, request: web.Request) -> web.StreamResponse:
        channel = web.WebSocketResponse(heartbeat=30, max_msg_size=_MAX_MESSAGE_BYTES)
        channel.headers["X-Served-By"] = self._options.label
        await channel.prepare(request)
        self._sockets.add(channel)
        try:
            async for message in channel:
                if message.type is WSMsgType.TEXT:
                    await channel.send_str(f"{self._options.label}: {message.data}")
                elif message.type is WSMsgType.BINARY:
                    await channel.send_bytes(message.data)
            if self._stopping:
                # Otherwise the end of this handler could close with 1000 before `finish` says 1001.
                await channel.close(code=WSCloseCode.GOING_AWAY)
        except ConnectionError:
            # The client went away while it was being answered: there is nobody left to tell.
            pass
        finally:
            self._sockets.discard(channel)
        return channel


def _is_local(request: web.Request) -> bool:
    """Whether the request was made on this very host and not passed on for somebody else."""
    if request.transport is None or "X-Forwarded-For" in request.headers:
        return False
    peer: str = request.transport.get_extra_info("peername")[0]
    own: str = request.transport.get_extra_info("sockname")[0]
    return peer == own or ip_address(peer).is_loopback
