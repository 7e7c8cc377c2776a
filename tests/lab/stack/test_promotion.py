"""Two labs as two stacks: a reviewed change goes from the first to the second, and stops where it is not well."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
import yaml

from tests.lab.stack.checkout import Checkout

SECOND = ".second"
BOTH = "lab staging"
HOSTS = {name: {"address": name, "interface": "host0", "cores": 2} for name in ("app1", "edge1", "edge2")}
CONFIG = {
    "addresses": f"{SECOND}/addresses.yaml",
    "ssh": {
        "user": "deploy",
        "identity_file": f"{SECOND}/id_ed25519",
        "known_hosts": f"{SECOND}/known_hosts",
    },
    "hosts": HOSTS,
    "access": {"management": ["gateway"], "clients": ["subnet"]},
    "web_servers": {"hosts": ["app1"], "instances_per_host": 1},
    "load_balancer": {"engine": "haproxy", "hosts": ["edge1", "edge2"]},
    "virtual_ip": {"address": "web", "virtual_router_id": 52, "primary": "edge1"},
    "key_value_store": {"host": "app1"},
}
"""The stack staging, for once on three hosts of this machine."""

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def two_stacks(stack: Checkout) -> Iterator[Checkout]:
    """The stack lab as it runs, and a second lab that the stack staging is to come to."""
    committed = {name: (stack.root / name).read_text() for name in ("Pulumi.lab.yaml", "Pulumi.staging.yaml")}
    _write(stack, "staging", CONFIG)
    _git(stack, "init", "--quiet")
    _git(stack, "add", ".")
    _commit(stack)
    try:
        stack.lab("--dir", SECOND, "up", *HOSTS)
        yield stack
    finally:
        stack.lab("--dir", SECOND, "down")
        for name, text in committed.items():
            (stack.root / name).write_text(text)
        stack.make("up")


def test_a_reviewed_change_goes_from_the_first_stack_to_the_second(two_stacks: Checkout) -> None:
    _declare(two_stacks, tunnel_timeout_seconds=1700)
    told = [two_stacks.make("preview", f"STACK={name}", "REVIEW=review", expect=2) for name in BOTH.split()]
    assert "edge1, edge2 haproxy: reload, connections kept (haproxy.cfg changes)" in told[0]
    told.append(two_stacks.make("promote", f"STACKS={BOTH}", "REVIEW=review"))
    assert told[-1].index("verify of lab: good") < told[-1].index("staging: as reviewed")
    assert "verify of staging: good" in told[-1]
    assert _timeouts(two_stacks) == {"lab": "1700000ms", "staging": "1700000ms"}
    _no_password_in(two_stacks, "\n".join(told))


def test_a_failing_verify_stops_it_before_the_second_stack(two_stacks: Checkout) -> None:
    _declare(two_stacks, tunnel_timeout_seconds=1600)
    two_stacks.make("preview", "STACK=lab", "REVIEW=review", expect=2)
    two_stacks.on("app1", "echo '# by hand' >> /etc/systemd/journald.conf.d/soundstage.conf")
    text = two_stacks.make("promote", f"STACKS={BOTH}", "REVIEW=review", expect=2)
    assert "# by hand" in text
    assert "verify of lab: NOT as declared" in text
    assert "promotion ends at lab; not touched: staging" in text
    assert _timeouts(two_stacks) == {"lab": "1600000ms", "staging": "1700000ms"}


def test_what_nobody_reviewed_is_not_done(two_stacks: Checkout) -> None:
    _declare(two_stacks, tunnel_timeout_seconds=1500)
    text = two_stacks.make("promote", "STACKS=staging", "REVIEW=review", expect=2)
    assert "staging: refused, because what would be done is not what was reviewed" in text
    assert _timeouts(two_stacks)["staging"] == "1700000ms"


def _declare(stack: Checkout, *, tunnel_timeout_seconds: int) -> None:
    line = re.compile(r"( +)engine: haproxy\n( +tunnel_timeout_seconds: \d+\n)?")
    for name in BOTH.split():
        changed = line.sub(
            rf"\1engine: haproxy\n\1tunnel_timeout_seconds: {tunnel_timeout_seconds}\n", _text(stack, name)
        )
        # A plain `pulumi` leaves the lab's salt behind.
        _file(stack, name).write_text(changed if name != "lab" else re.sub("(?m)^encryptionsalt:.*\n?", "", changed))
    _commit(stack)


def _text(stack: Checkout, name: str) -> str:
    return _file(stack, name).read_text()


def _timeouts(stack: Checkout) -> dict[str, str]:
    read = "awk '/timeout tunnel/ {print $3; exit}' /etc/haproxy/haproxy.cfg"
    second = stack.lab("--dir", SECOND, "exec", "edge1", "--", "sh", "-c", read).strip()
    return {"lab": stack.on("edge1", read), "staging": second}


def _no_password_in(stack: Checkout, told: str) -> None:
    """Neither stack's password is in what was printed or kept for reviewers."""
    kept = [path.read_text() for path in (stack.root / "review").rglob("*") if path.is_file()]
    assert len(kept) == 8
    for name in BOTH.split():
        password = _password(stack, name)
        assert len(password) == 32
        assert [text for text in (told, *kept) if password in text] == []


def _password(stack: Checkout, name: str) -> str:
    # The lab opens with what `.lab/activate` sets, the committed example with its documented passphrase.
    opened = "" if name == "lab" else "env PULUMI_CONFIG_PASSPHRASE=soundstage-example "
    shown = stack.start(f"{opened}pulumi stack output statistics_password --show-secrets --stack {name}")
    return shown.communicate(timeout=60)[0].strip()


def _write(stack: Checkout, name: str, config: Mapping[str, object]) -> None:
    document = cast("dict[str, object]", yaml.safe_load(_text(stack, name)))
    document["config"] = {f"soundstage:{key}": value for key, value in config.items()}
    _file(stack, name).write_text(yaml.safe_dump(document))


def _file(stack: Checkout, name: str) -> Path:
    return stack.root / f"Pulumi.{name}.yaml"


def _commit(stack: Checkout) -> None:
    _git(stack, "-c", "user.name=test", "-c", "user.email=test@example.org", "commit", "--quiet", "--all", "-m", "x")


def _git(stack: Checkout, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=stack.root, check=True, capture_output=True)
