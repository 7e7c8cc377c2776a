"""H4: requests lost while the balancer is reloaded under new connections."""

from __future__ import annotations

import re
import subprocess
from time import monotonic

from bench.clients.traffic import Traffic
from bench.context import Bench
from bench.front import HEALTH_PATH, Platform, holder_at_rest
from bench.result import Result
from bench.schedule import until
from toolchain.failure import Failure

RELOADS = 20
SECONDS_BETWEEN = 0.6
CONNECTIONS = 64
GOAL_RATE = 5000
_LEAD_SECONDS = 1.0
_PAGES_PER_SECOND = 200


def measure(bench: Bench) -> Result:
    """20 reloads of HAProxy on the holder while wrk opens connections as fast as it can and pages are asked for."""
    platform = bench.platform
    with platform.holders() as holders:
        holder = holder_at_rest(holders)
        environment = platform.stack.environment
        seconds = round(RELOADS * SECONDS_BETWEEN + 2 * _LEAD_SECONDS + 1)
        with Traffic(platform.front(_PAGES_PER_SECOND)) as traffic:
            wrk = subprocess.Popen(
                _command(platform.virtual_ip, seconds), stdout=subprocess.PIPE, env=environment, text=True
            )
            try:
                _reload(platform, holder)
                text, _ = wrk.communicate(timeout=seconds + 60)
            finally:
                wrk.kill()
                wrk.wait()
        moved = len(holders.spans) - 1
    requests, lost, rate = read(text)
    pages = traffic.seen
    total = lost + len(pages.losses)
    return Result(
        id="H4",
        title=f"requests lost in {RELOADS} reloads",
        unit="requests",
        value=total,
        goal=f"0 at >= {GOAL_RATE} new connections/s",
        met=total == 0 and rate >= GOAL_RATE,
        peers={
            "new connections (wrk)": requests,
            "new connections per second": rate,
            "lost of them": lost,
            "pages through to a web server": pages.sent,
            "pages lost": len(pages.losses),
            "address moved": moved,
        },
        notes=tuple(f"{count} pages: {reason}" for reason, count in pages.reasons.items()),
    )


def _command(address: str, seconds: int) -> list[str]:
    url = f"http://{address}{HEALTH_PATH}"
    return ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-H", "Connection: close", url]


def _reload(platform: Platform, holder: str) -> None:
    due = monotonic() + _LEAD_SECONDS
    for _ in range(RELOADS):
        until(due)
        platform.hosts.run(holder, "systemctl", "reload", "haproxy.service")
        due += SECONDS_BETWEEN


def read(text: str) -> tuple[int, int, float]:
    """Requests, lost requests and requests per second of a report of wrk. Raises Failure when it is none."""
    count = re.search(r"(\d+) requests in", text)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    if count is None or rate is None:
        raise Failure(f"wrk said: {text.strip() or 'nothing'}")
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    lost = sum(map(int, errors.groups())) if errors else 0
    return int(count[1]), lost + (int(wrong[1]) if wrong else 0), float(rate[1])
