"""The lab's network on the machine: bridge, NAT, cables, lost packets."""

from __future__ import annotations

import ipaddress
import json
from dataclasses import replace
from pathlib import Path

from lab.machine import REGISTRY
from lab.record import GATEWAY, Host, Lab, save
from lab.shell import output, wait_until
from toolchain.cache import locked
from toolchain.failure import Failure

CANDIDATES = tuple(f"10.{second}.0.0/24" for second in range(77, 128))


def link_exists(name: str) -> bool:
    """Whether the machine has this interface."""
    return Path("/sys/class/net", name).exists()


def take_away(name: str) -> None:
    """Remove an interface unless it is gone.

    It may outlive its host: what a host sent to somebody who is gone too is repeated for minutes, and a network with
    such a connection in it stays.
    """
    try:
        output(["ip", "link", "delete", name])
    except Failure:
        # Otherwise it went by itself meanwhile.
        if link_exists(name):
            raise


def ensure(lab: Lab) -> Lab:
    """Bridge and NAT of the lab; returns the lab with its network (a new one if the old one is taken meanwhile)."""
    if link_exists(lab.bridge) and lab.network:
        _configure(lab)
        return lab
    with locked(REGISTRY / "network.lock"):
        lab = replace(lab, network=_free_network(lab))
        save(lab)
        _configure(lab)
    return lab


def remove(lab: Lab) -> None:
    """Take bridge, NAT and loss tables of this lab away; what is not there is fine."""
    for family, table, chain, handle in _own_rules(lab):
        output(["nft", "delete", "rule", family, table, chain, "handle", handle])
    for family, table in _tables():
        if table == lab.nat_table or table.startswith(f"{lab.nat_table}_"):
            output(["nft", "delete", "table", family, table])
    take_away(lab.bridge)


def apply_faults(lab: Lab, host: Host) -> None:
    """Make the host's cable what the record says: cut or plugged in, with its loss."""
    wait_until(lambda: link_exists(lab.link(host)), f"the cable of {host.name}", 10)
    output(["ip", "link", "set", lab.link(host), "down" if host.cut else "up"])
    table = lab.loss_table(host)
    if ("netdev", table) in _tables():
        output(["nft", "delete", "table", "netdev", table])
    if host.loss_percent:
        # Each direction at the machine's end of the cable, where the host's own firewall cannot undo it.
        threshold = round(host.loss_percent * 100)
        chains = "".join(
            f"chain {hook} {{\n type filter hook {hook} device {lab.link(host)} priority 0\n"
            f" numgen random mod 10000 < {threshold} drop\n}}\n"
            for hook in ("ingress", "egress")
        )
        output(["nft", "-f", "-"], f"table netdev {table} {{\n{chains}}}\n")


def _configure(lab: Lab) -> None:
    if not link_exists(lab.bridge):
        output(["ip", "link", "add", lab.bridge, "type", "bridge", "forward_delay", "0"])
    output(["ip", "address", "replace", f"{lab.address(GATEWAY)}/24", "dev", lab.bridge])
    output(["ip", "link", "set", lab.bridge, "up"])
    if ("ip", lab.nat_table) not in _tables():
        rule = f'ip saddr {lab.network} oifname != "{lab.bridge}" masquerade'
        chain = f"chain postrouting {{\n type nat hook postrouting priority srcnat\n {rule}\n}}\n"
        output(["nft", "-f", "-"], f"table ip {lab.nat_table} {{\n{chain}}}\n")
    _pass_the_machine_s_firewall(lab)


def _pass_the_machine_s_firewall(lab: Lab) -> None:
    """Where forwarding is dropped by default (Docker does so), let this bridge's packets through.

    Packets between hosts meet these chains as well when the kernel shows bridged packets to them.
    """
    if _own_rules(lab):
        return
    chains = [item["chain"] for item in _listed("chains") if "chain" in item]
    for chain in chains:
        if (chain["family"], chain.get("hook"), chain.get("policy")) == ("ip", "forward", "drop"):
            for direction in ("iifname", "oifname"):
                place = ["ip", chain["table"], chain["name"]]
                output(
                    ["nft", "insert", "rule", *place, direction, lab.bridge, "accept", "comment", f'"{lab.nat_table}"']
                )


def _own_rules(lab: Lab) -> list[tuple[str, str, str, str]]:
    """Family, table, chain and handle of our rules in other people's tables."""
    rules = [item["rule"] for item in _listed("ruleset") if "rule" in item]
    own = [rule for rule in rules if rule.get("comment") == lab.nat_table]
    return [(rule["family"], rule["table"], rule["chain"], str(rule["handle"])) for rule in own]


def _listed(what: str) -> list[dict[str, dict[str, str]]]:
    return json.loads(output(["nft", "--json", "--handle", "list", what]))["nftables"]


def _tables() -> set[tuple[str, str]]:
    return {(item["table"]["family"], item["table"]["name"]) for item in _listed("tables") if "table" in item}


def _free_network(lab: Lab) -> str:
    routes = json.loads(output(["ip", "-json", "-4", "route", "show", "table", "all"]))
    taken = [
        ipaddress.ip_network(route["dst"], strict=False)
        for route in routes
        if route["dst"] != "default" and route.get("dev") != lab.bridge
    ]
    for candidate in (lab.network, *CANDIDATES) if lab.network else CANDIDATES:
        if not any(ipaddress.ip_network(candidate).overlaps(network) for network in taken):
            return candidate
    raise Failure(f"every network from {CANDIDATES[0]} to {CANDIDATES[-1]} is in use: `ip route` shows by whom")
