"""Which of the given endpoints answer a connection. Standard library only: it runs on hosts, from standard input."""

import asyncio
import json
import sys

_SECONDS = 1.0
_AT_ONCE = 64


async def _answers(address: str, port: int, turn: asyncio.Semaphore) -> bool:
    async with turn:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(address, port), _SECONDS)
        except (TimeoutError, OSError):
            return False
        writer.close()
        return True


async def _scan(endpoints: "list[tuple[str, int]]") -> "list[bool]":
    turn = asyncio.Semaphore(_AT_ONCE)
    return list(await asyncio.gather(*(_answers(address, port, turn) for address, port in endpoints)))


if __name__ == "__main__":
    json.dump(asyncio.run(_scan([tuple(pair) for pair in json.loads(sys.argv[1])])), sys.stdout)
