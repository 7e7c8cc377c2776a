"""Faults under continuous traffic: what clients notice is counted, and afterwards everything is as before.

Every request has a connection of its own, and the client never repeats one: a loss here is one a browser would repeat.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import pytest

from bench.clients.engine import Plan
from bench.clients.holders import Holders
from bench.clients.traffic import Traffic
from lab import host as lab_host
from lab.record import load
from tests.lab.stack.checkout import Checkout, eventually

RATE = 200
MANY_HOLDERS_SECONDS = 1.0
"""GOALS H3: never more than one holder for longer."""


class Watched:
    """Traffic to the virtual IP and its holders, while something happens."""

    def __init__(self, stack: Checkout) -> None:
        self.address = stack.outputs()["virtual_ip"]
        record = load(stack.root / ".lab")
        self.traffic = Traffic(Plan(self.address, rate=RATE))
        self.holders = Holders(self.address, ("edge1", "edge2"), lambda name: lab_host.init(record, record.host(name)))

    @property
    def losses(self) -> int:
        return len(self.traffic.seen.losses)

    @contextmanager
    def running(self, after_seconds: float = 1.0) -> Generator[None]:
        with self.holders, self.traffic:
            self.wait_for_holders("edge1")
            yield
            time.sleep(after_seconds)  # traffic goes on: what the last change did shows now

    def wait_for_holders(self, *hosts: str, seconds: float = 15) -> None:
        eventually(lambda: self.holders.now == frozenset(hosts), seconds, f"{hosts} hold {self.address}")


@pytest.fixture
def watched(stack: Checkout) -> Iterator[Watched]:
    yield Watched(stack)
    for edge in ("edge1", "edge2"):
        stack.on(edge, "systemctl is-active haproxy keepalived")
    stack.make("drift", expect=0)


def outage_seconds(watched: Watched) -> float:
    seen = watched.traffic.seen
    assert seen.answers, f"no request was answered: {seen.reasons}"
    return seen.longest_gap_seconds()


def test_a_killed_balancer_host_is_replaced_within_a_second(stack: Checkout, watched: Watched) -> None:
    with watched.running():
        stack.lab("kill", "edge1")
        watched.wait_for_holders("edge2")
        stack.lab("start", "edge1")
        watched.wait_for_holders("edge1", seconds=30)
    assert outage_seconds(watched) < 1.0
    assert watched.losses < RATE
    assert watched.holders.worst().get(2, 0) <= MANY_HOLDERS_SECONDS


def test_a_balancer_whose_network_is_cut_is_replaced_and_never_answers_beside_the_other(
    stack: Checkout, watched: Watched
) -> None:
    with watched.running():
        stack.lab("cut", "edge1")
        eventually(lambda: "edge2" in watched.holders.now, 5, "edge2 takes the address")
        stack.lab("heal", "edge1")
        watched.wait_for_holders("edge1", seconds=30)
    assert outage_seconds(watched) < 1.0
    assert watched.losses < RATE
    # Lost carrier: the cut host lets go of the address by itself.
    assert watched.holders.worst().get(2, 0) <= MANY_HOLDERS_SECONDS


def test_a_rebooted_balancer_serves_again_by_itself(stack: Checkout, watched: Watched) -> None:
    with watched.running():
        stack.lab("reboot", "edge1")
        watched.wait_for_holders("edge1", seconds=40)
    assert outage_seconds(watched) < 1.0
    assert watched.losses < RATE


@pytest.mark.parametrize("victims", ["MainPID", "every process"])
def test_a_keepalived_killed_in_any_way_never_leaves_two_holders(
    stack: Checkout, watched: Watched, victims: str
) -> None:
    processes = {
        "MainPID": "systemctl show -p MainPID --value keepalived",
        "every process": "cat /sys/fs/cgroup/system.slice/keepalived.service/cgroup.procs"
        " || cat /sys/fs/cgroup/systemd/system.slice/keepalived.service/cgroup.procs",
    }[victims]
    with watched.running():
        stack.on("edge1", f"kill -KILL $({processes})")
        watched.wait_for_holders("edge1", seconds=20)
    assert watched.holders.worst().get(2, 0) <= MANY_HOLDERS_SECONDS
    assert outage_seconds(watched) < 1.0


def test_only_the_part_of_keepalived_that_holds_the_address_killed(stack: Checkout, watched: Watched) -> None:
    with watched.running():
        stack.on("edge1", "kill -KILL $(ps -o pid= --ppid $(systemctl show -p MainPID --value keepalived) | head -1)")
        watched.wait_for_holders("edge1", seconds=20)
    assert watched.holders.worst().get(2, 0) <= MANY_HOLDERS_SECONDS
    assert outage_seconds(watched) < 1.0


def test_a_killed_haproxy_is_noticed_and_comes_back(stack: Checkout, watched: Watched) -> None:
    with watched.running(after_seconds=3):
        stack.on("edge1", "kill -KILL $(pidof haproxy)")
        eventually(
            lambda: stack.on("edge1", "systemctl is-active haproxy", expect=None) == "active", 15, "haproxy is back"
        )
        watched.wait_for_holders("edge1", seconds=20)
    assert outage_seconds(watched) < 3.0
    assert watched.losses < 3 * RATE


def test_a_killed_web_host_costs_few_requests_and_its_return_none(stack: Checkout, watched: Watched) -> None:
    with watched.running():
        stack.lab("kill", "app2")
        time.sleep(5)  # the time of the fault itself: half the fleet is gone
        stack.lab("start", "app2")
        time.sleep(3)
    assert outage_seconds(watched) < 3.0
    # Until the checks have noticed, every second request meets the dead host and is repeated elsewhere, or times out.
    assert watched.losses < 2 * RATE
    assert set(watched.traffic.seen.servers) - {""} >= {"Server 1", "Server 2"}


def test_a_rolling_change_of_the_web_servers_loses_no_request(stack: Checkout, watched: Watched) -> None:
    page = stack.root / "apps/web/web/page.py"
    original = page.read_text()
    page.write_text(original + "\n# A new release.\n")
    try:
        with watched.running():
            text = stack.make("up")
        assert "web-app1" in text
    finally:
        page.write_text(original)
        stack.make("up")
    assert watched.traffic.seen.losses == ()


def test_a_reload_of_the_balancers_loses_no_request(stack: Checkout, watched: Watched) -> None:
    with watched.running(), stack.config(load_balancer={"tunnel_timeout_seconds": 1799}):
        stack.make("up")
        moved = watched.holders.now
    stack.make("up")
    assert moved == frozenset({"edge1"})
    assert watched.traffic.seen.losses == ()
