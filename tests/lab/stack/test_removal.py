"""Destroy leaves nothing behind: no file, unit, user, rule or address."""

from __future__ import annotations

from tests.lab.stack.checkout import Checkout

HOSTS = ("edge1", "edge2", "app1", "app2")
INVENTORY = {
    "files": "find /etc /usr/local /opt /usr/lib/soundstage /var/lib/soundstage -not -path '/etc/ssl/certs/*' 2>&1"
    " | grep -vE '/etc/(machine-id|mtab|ld.so.cache|(passwd|group|shadow|gshadow)-|sub[ug]id-?|.pwd.lock)$' | sort",
    "units": "systemctl list-unit-files --no-legend | awk '{print $1, $2}' | sort",
    # An account that a Debian package made stays by Debian's policy, also when the package is purged.
    "users": "(cut -d: -f1,3,6,7 /etc/passwd; cut -d: -f1,3 /etc/group) | grep -v ^systemd-timesync: | sort",
    "packages": "dpkg-query -W -f '${Package} ${Status}\\n' | grep 'ok installed' | sort",
    "rules": "nft list ruleset",
    "addresses": "ip -o address show | awk '{print $2, $3, $4}' | sort",
}


def test_destroy_leaves_no_file_unit_user_rule_or_address(stack: Checkout) -> None:
    stack.lab("up", "untouched")
    stack.make("up")
    stack.pulumi("destroy --yes --skip-preview -s lab")
    for name, command in INVENTORY.items():
        expected = stack.on("untouched", f"{command} || :")
        for host in HOSTS:
            found = stack.on(host, f"{command} || :")
            if name == "addresses":
                found, expected = _without_own(found), _without_own(expected)
            extra = set(found.splitlines()) - set(expected.splitlines())
            missing = set(expected.splitlines()) - set(found.splitlines())
            assert (extra, missing) == (set(), set()), f"{name} of {host}"


def _without_own(addresses: str) -> str:
    """The addresses without the last byte of the host's own ones, which differ from host to host."""
    return "\n".join(sorted(line for line in addresses.splitlines() if "fe80" not in line and ".1" not in line))
