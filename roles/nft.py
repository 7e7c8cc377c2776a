"""What a role asks of the host's firewall: its own file of rules, included into the input chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Literal

from roles.model import AbsolutePath, Check, CommandProbe, File
from roles.spec import Network

RULES_DIRECTORY = "/etc/nftables.d"
MAIN_FILE = "/etc/nftables.conf"
UNIT = "nftables.service"
LIST_INPUT = ("nft", "list", "chain", "inet", "soundstage", "input")


@dataclass(frozen=True)
class Admit:
    """Lets `sources` reach `ports` (or all of `protocol` when that has no ports)."""

    sources: Sequence[Network]
    ports: Sequence[int] = ()
    protocol: Literal["tcp", "udp", 112] = "tcp"
    """A number, since a small host has no /etc/protocols; 112 is VRRP."""


def admitted(role: str, rules: Sequence[Admit]) -> Mapping[AbsolutePath, File]:
    """The role's file of rules, under its path; a change reloads the firewall, which cuts no connection."""
    content = "".join(f"{line}\n" for rule in rules for line in rule_lines(rule, role))
    return {f"{RULES_DIRECTORY}/50-{role}.nft": File(content=content, on_change={UNIT: "reload"})}


def admitted_check() -> Check:
    """The whole ruleset with this role's staged file, as the kernel would take it."""
    return Check(argv=("nft", "--check", "--file", MAIN_FILE))


def admitted_probe(role: str) -> CommandProbe:
    """Whether the role's rules are live."""
    return CommandProbe(argv=LIST_INPUT, contains=f'comment "{role}"', unit=UNIT)


def rule_lines(rule: Admit, comment: str) -> list[str]:
    """One line per family that has sources; overlapping sources are joined, since nft refuses them in one set."""
    families = {
        "ip": collapse_addresses(source for source in rule.sources if isinstance(source, IPv4Network)),
        "ip6": collapse_addresses(source for source in rule.sources if isinstance(source, IPv6Network)),
    }
    what = f"{rule.protocol} dport {_set(rule.ports)}" if rule.ports else f"meta l4proto {rule.protocol}"
    sets = {family: _set([_shortest(source) for source in sources]) for family, sources in families.items()}
    return [
        f'{family} saddr {sources} {what} accept comment "{comment}"' for family, sources in sets.items() if sources
    ]


def _shortest(network: Network) -> str:
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def _set(members: Sequence[str] | Sequence[int]) -> str:
    return f"{{ {', '.join(map(str, members))} }}" if members else ""
