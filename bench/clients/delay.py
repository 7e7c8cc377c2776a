"""A longer way to the hosts: TCP relays that deliver every byte half a round trip later, and count.

The kernel of a lab may lack netem; a relay delays what is said, and a connection by the round trip of its handshake.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Self

_SSH = 22
_CHUNK_BYTES = 65_536


class Delay:
    """One relay a host while the block runs; `addresses` are those of the hosts, by name."""

    def __init__(self, addresses: Mapping[str, str], round_trip_seconds: float, port: int = _SSH) -> None:
        self.endpoints: dict[str, str] = {}
        """`address:port` of each host's relay."""
        self.connections: dict[str, int] = dict.fromkeys(addresses, 0)
        self.turns: dict[str, int] = dict.fromkeys(addresses, 0)
        """How often the controller spoke after the host had: no more round trips than that were waited for."""
        self._addresses = addresses
        self._round_trip = round_trip_seconds
        self._port = port
        self._servers: list[asyncio.Server] = []
        self.open: list[asyncio.Transport] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="delay")

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> None:
        for name, address in self._addresses.items():

            def relay(name: str = name, address: str = address) -> _Near:
                return _Near(self, name, address)

            server = await self._loop.create_server(relay, "127.0.0.1", 0)
            self._servers.append(server)
            host, port = server.sockets[0].getsockname()
            self.endpoints[name] = f"{host}:{port}"

    async def _stop(self) -> None:
        for server in self._servers:
            server.close()
        for transport in self.open:
            transport.abort()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def connect(self, near: _Near) -> _Far:
        """The connection to the host, made when the handshake has had its round trip."""
        await asyncio.sleep(self._round_trip)
        _, far = await self._loop.create_connection(lambda: _Far(near), near.address, self._port)
        return far

    def later(self, write: asyncio.WriteTransport, content: bytes) -> None:
        """Delivers after half a round trip; in order, because the delay is always the same."""
        self._loop.call_later(self._round_trip / 2, write.write, content)

    def close_later(self, transport: asyncio.WriteTransport) -> None:
        """Ends the other side as much later."""
        self._loop.call_later(self._round_trip / 2, transport.close)


class _Near(asyncio.Protocol):
    """The controller's end of one connection."""

    def __init__(self, delay: Delay, name: str, address: str) -> None:
        self.delay = delay
        self.name = name
        self.address = address
        self.host_spoke = True
        self.transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[_Far] | None = None
        self._far: _Far | None = None
        self._waiting = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.delay.open.append(transport)
        self.delay.connections[self.name] += 1
        self._connecting = asyncio.get_running_loop().create_task(self.delay.connect(self))
        self._connecting.add_done_callback(self._connected)

    def data_received(self, data: bytes) -> None:
        if self.host_spoke:
            self.delay.turns[self.name] += 1
            self.host_spoke = False
        if self._far is None or self._far.transport is None:
            self._waiting += data
        else:
            self.delay.later(self._far.transport, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature of asyncio
        if self._far is not None and self._far.transport is not None:
            self.delay.close_later(self._far.transport)

    def _connected(self, task: asyncio.Task[_Far]) -> None:
        if task.cancelled() or task.exception() is not None:
            if self.transport is not None:
                self.transport.abort()
            return
        self._far = task.result()
        if self._far.transport is not None and self._waiting:
            self.delay.later(self._far.transport, self._waiting)


class _Far(asyncio.Protocol):
    """The host's end."""

    def __init__(self, near: _Near) -> None:
        self._near = near
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._near.delay.open.append(transport)

    def data_received(self, data: bytes) -> None:
        self._near.host_spoke = True
        if self._near.transport is not None:
            self._near.delay.later(self._near.transport, data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the signature of asyncio
        if self._near.transport is not None:
            self._near.delay.close_later(self._near.transport)
