"""What clients and operators meet when everything is well."""

from __future__ import annotations

import collections
import re

import aiohttp
import httpx

from tests.lab.stack.checkout import Checkout, eventually

EDGES, APPS = ("edge1", "edge2"), ("app1", "app2")


def test_the_page_through_the_virtual_ip_alternates_between_the_servers(stack: Checkout) -> None:
    with httpx.Client(timeout=5) as client:
        pages = [client.get(stack.outputs()["web_url"], headers={"Connection": "close"}).text for _ in range(20)]
    assert all("Hello, World!" in page for page in pages)
    servers = collections.Counter(re.findall(r"Server \d", page)[0] for page in pages)
    assert servers.keys() == {"Server 1", "Server 2"}
    assert min(servers.values()) >= 8


def test_exactly_one_balancer_holds_the_virtual_ip(stack: Checkout) -> None:
    address = stack.outputs()["virtual_ip"]
    holders = [edge for edge in EDGES if f" {address}/" in stack.on(edge, "ip -4 -o address show")]
    assert holders == ["edge1"]


def test_a_second_up_changes_nothing_and_reloads_nothing(stack: Checkout) -> None:
    def footprint() -> dict[str, str]:
        units = "haproxy keepalived nftables ssh 'web@*' kv-store systemd-journald"
        show = (
            f"systemctl show -p Id,ActiveEnterTimestamp,ExecMainStartTimestamp,StateChangeTimestamp,NRestarts {units}"
        )
        reloads = "journalctl -q -o cat _PID=1 | grep -ciE 'reload(ing|ed)' || :"
        files = (
            "find /etc /opt/soundstage /usr/lib/soundstage -type f -newermt @0 -printf '%p %T@\\n' | sort | sha256sum"
        )
        return {host: stack.on(host, f"{show}; {reloads}; {files}") for host in (*EDGES, *APPS)}

    before = footprint()
    text = stack.make("up")
    assert footprint() == before
    assert re.search(r"\d+ unchanged", text)
    assert not re.search(r"\d+ (created|updated|deleted|replaced)", text), text


def test_the_statistics_need_the_generated_credentials(stack: Checkout) -> None:
    outputs = stack.outputs()
    url = outputs["statistics_url"]
    secret = stack.pulumi("stack output statistics_password --show-secrets").strip()
    assert httpx.get(url, timeout=5).status_code == 401
    assert httpx.get(url, timeout=5, auth=(outputs["statistics_user"], "wrong")).status_code == 401
    assert httpx.get(url, timeout=5, auth=(outputs["statistics_user"], secret)).status_code == 200


def test_the_statistics_are_not_served_on_the_virtual_ip(stack: Checkout) -> None:
    outputs = stack.outputs()
    on_virtual_ip = httpx.URL(outputs["statistics_url"]).copy_with(host=outputs["virtual_ip"])
    try:
        answer = httpx.get(on_virtual_ip, timeout=3)
    except httpx.TransportError:
        return
    raise AssertionError(f"{on_virtual_ip} answered {answer.status_code}")


def test_the_web_instances_answer_only_the_balancers(stack: Checkout) -> None:
    app1 = stack.outputs()["hosts"]["app1"]["address"]
    ask = f"python3 -c \"import socket; socket.create_connection(('{app1}', 8001), 3)\" 2>&1"
    assert stack.on("edge1", ask) == ""
    assert "timed out" in stack.on("app2", ask, expect=1)


def test_the_key_value_store_appends_through_the_virtual_ip(stack: Checkout) -> None:
    url = stack.outputs()["key_value_url"]
    for value in ("bread", "milk"):
        assert httpx.post(url, json={"key": "shopping", "val": value}, timeout=5).is_success
    assert httpx.get(url, params={"key": "shopping"}, timeout=5).text.strip() == "bread, milk"
    assert not httpx.get(url, params={"key": "nobody"}, timeout=5).text.strip()


def test_a_switch_to_maintenance_survives_the_next_up(stack: Checkout) -> None:
    def states() -> str:
        return stack.on("edge1", "soundstage maintenance show")

    url = stack.outputs()["web_url"]
    servers = re.findall(r"web/app1\S*", states())
    assert len(servers) == 2
    switch = "; ".join(f"soundstage maintenance %s {server}" for server in servers)
    for edge in EDGES:
        stack.on(edge, switch.replace("%s", "on"))
    try:
        # A change of the balancer's file makes the roll reload it.
        with stack.config(load_balancer={"tunnel_timeout_seconds": 1800}):
            stack.make("up")
            pages = {re.findall(r"Server \d", httpx.get(url, timeout=5).text)[0] for _ in range(8)}
            assert pages == {"Server 2"}
    finally:
        for edge in EDGES:
            stack.on(edge, switch.replace("%s", "off"))
        stack.make("up")
    eventually(lambda: "Server 1" in httpx.get(url, timeout=5).text, 10, "app1 serves again")


def test_each_host_explains_itself(stack: Checkout) -> None:
    text = stack.on("edge1", "soundstage status")
    for word in ("haproxy", "keepalived", "firewall", "sshd"):
        assert word in text
    assert stack.on("app2", "soundstage status --json").startswith("{")


async def test_a_websocket_goes_through_the_balancer(stack: Checkout) -> None:
    url = stack.outputs()["web_url"].replace("http://", "ws://") + "ws"
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
        await socket.send_str("are you there?")
        answer = await socket.receive_str(timeout=5)
    assert "are you there?" in answer
    assert re.search(r"Server \d", answer)


def test_the_other_balancer_engine_takes_over_and_goes_again(stack: Checkout) -> None:
    url = stack.outputs()["web_url"]
    with stack.config(load_balancer={"engine": "nginx"}):
        stack.make("up")
        with httpx.Client(timeout=5) as client:
            answers = [client.get(url, headers={"Connection": "close"}) for _ in range(12)]
        assert {re.findall(r"Server \d", answer.text)[0] for answer in answers} == {"Server 1", "Server 2"}
        for edge in EDGES:
            assert stack.on(edge, "systemctl is-active nginx") == "active"
            assert "haproxy" not in stack.on(edge, "ls /etc /usr/sbin")
        stack.make("drift", expect=0)
    stack.make("up")
    assert stack.on("edge1", "systemctl is-active haproxy") == "active"
    stack.make("drift", expect=0)
