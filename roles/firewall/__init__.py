"""Firewall: nothing reaches a host but what its roles admit, each in a file of its own.

One nftables table, `inet soundstage`, replaced as a whole in one transaction; tables of others stay untouched.
Only what comes in is filtered: what the host sends or forwards is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from roles.firewall.spec import FirewallSpec
from roles.model import CommandProbe, Directory, File, Role, Unit
from roles.nft import LIST_INPUT, MAIN_FILE, RULES_DIRECTORY, UNIT, Admit, admitted_check, rule_lines
from roles.systemd import SANDBOX, Section, unit_text

_CLEAR = "add table inet soundstage; delete table inet soundstage"
_DROP_IN = f"/etc/systemd/system/{UNIT}.d/soundstage.conf"
_ERRORS_V4 = "destination-unreachable, time-exceeded, parameter-problem, echo-request"
_ERRORS_V6 = "destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request"
_NEIGHBOURS = "nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert"
_LISTENERS = "mld-listener-query, mld-listener-report, mld-listener-done, mld2-listener-report"

_SERVICE: Section = {
    **SANDBOX,
    "ExecStop": ("", f"/usr/sbin/nft '{_CLEAR}'"),
    "CapabilityBoundingSet": "CAP_NET_ADMIN",
    "RestrictAddressFamilies": "AF_NETLINK AF_UNIX",
    # It starts before there is a /tmp of its own to wait for.
    "PrivateTmp": "no",
    # Whatever kept the rules from being loaded, a host without them is worse than one that tries again.
    "Restart": "on-failure",
    "RestartSec": "200ms",
}
_SECTIONS: Mapping[str, Section] = {"Unit": {"StartLimitIntervalSec": 0}, "Service": _SERVICE}


def role(spec: FirewallSpec) -> Role:
    """Closed but for SSH from the management sources, errors, neighbours, and what other roles admit."""
    return Role(
        name="firewall",
        packages={"nftables": ""},
        directories={RULES_DIRECTORY: Directory()},
        files={
            MAIN_FILE: File(content=_ruleset(spec), mode="0755", on_change={UNIT: "reload"}),
            # The packaged unit flushes every table of the machine when it stops.
            _DROP_IN: File(content=unit_text(_SECTIONS, "Stopping takes our table away only.")),
        },
        units={
            UNIT: Unit(
                reload_effect="connections kept, new rules at once",
                restart_effect="connections kept, unfiltered for a moment",
            )
        },
        validate_with=(admitted_check(),),
        verify=(CommandProbe(argv=LIST_INPUT, contains="policy drop", unit=UNIT),),
        confirm_seconds=spec.confirm_seconds,
        remove_with=(("nft", _CLEAR),),
    )


def _ruleset(spec: FirewallSpec) -> str:
    rules = [
        "type filter hook input priority filter; policy drop;",
        "ct state established,related accept",
        "ct state invalid drop",
        'iifname "lo" accept',
        f"icmp type {{ {_ERRORS_V4} }} accept",
        f"icmpv6 type {{ {_ERRORS_V6} }} accept",
        f"icmpv6 type {{ {_NEIGHBOURS} }} ip6 hoplimit 255 accept",
        f"icmpv6 type {{ {_LISTENERS} }} ip6 saddr fe80::/10 accept",
        "ip6 saddr fe80::/10 udp sport 547 udp dport 546 accept",
        *rule_lines(Admit(spec.management_sources, (spec.ssh_port,)), "ssh"),
        f'include "{RULES_DIRECTORY}/*.nft"',
        'counter comment "refused"',
    ]
    chain = "".join(f"\t\t{rule}\n" for rule in rules)
    return (
        "#!/usr/sbin/nft -f\n# Replaced as a whole, in one transaction; tables of others stay.\n"
        "table inet soundstage\ndelete table inet soundstage\n\n"
        f"table inet soundstage {{\n\tchain input {{\n{chain}\t}}\n}}\n"
    )
