"""S5: the secrets of the stack, old and new, searched wherever they have no business."""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypedDict, cast

from bench.clients.processes import ProcessList
from bench.context import Bench
from bench.front import Platform
from bench.hosts import PLATFORM
from bench.result import Result
from bench.stack import Stack, succeeded
from toolchain.cache import PROJECT
from toolchain.failure import Failure

_SECRET_OF = {
    "soundstage:secret:Password": "value",
    "soundstage:pki:Authority": "private_key_pem",
    "soundstage:pki:Certificate": "private_key_pem",
}
_SHORTEST = 12
_FORBIDDEN_ON_HOSTS = ("/var/log", "/run", "/tmp", "/usr/local", "/usr/lib/soundstage", "/opt")
_PRIVATE_ON_HOSTS = ("/etc", "/var")
"""Here a secret may stand, but only in a file that not everybody may read."""
_PLANTED = "/tmp/soundstage-bench-canary"
_SEARCH = (Path(__file__).resolve().parents[1] / "clients" / "search.py").read_text()


class _Resource(TypedDict):
    type: str
    outputs: Mapping[str, object]


@dataclass(frozen=True)
class _Place:
    name: str
    text: bytes


def measure(bench: Bench) -> Result:
    """Makes new passwords and goes back, under observation, then looks for every secret there was."""
    platform = bench.platform
    stack = platform.stack
    needles = secrets_of(stack)
    places: list[_Place] = []
    with TemporaryDirectory() as folder, ProcessList() as processes:
        rotated = Path(folder) / "Pulumi.rotated.yaml"
        stack.write_changed(rotated, {"load_balancer.statistics.password_generation": "2"})
        config = ("--config-file", str(rotated))
        places.append(_Place("preview", succeeded(stack.pulumi("preview", "--diff", *config)).text.encode()))
        try:
            places.append(_Place("output of up", stack.up("--diff", *config).text.encode()))
            needles |= secrets_of(stack)
        finally:
            places.append(_Place("output of up", stack.up("--diff").text.encode()))
        needles |= secrets_of(stack)
        canary = _plant(platform)
    shown = _Place("process lists", b"\0".join(processes.seen))
    if canary not in shown.text:
        raise Failure("the canary was not seen in the process lists: they were not watched well enough")
    places += [shown, *_on_controller(stack)]
    found = [f"{place.name}: a secret" for place in places if any(needle in place.text for needle in needles)]
    for host in platform.hosts.names:
        found += _on_host(platform, host, needles, canary)
    return Result(
        id="S5",
        title="places where a secret of the stack was found",
        unit="places",
        value=len(found),
        goal="0",
        met=not found and bool(needles),
        peers={
            "secrets searched": len(needles),
            "texts searched on the controller": len(places),
            "command lines and environments seen": len(processes.seen),
            "hosts searched": len(platform.hosts.names),
        },
        notes=tuple(found),
    )


def _plant(platform: Platform) -> bytes:
    """Shows a text that is no secret where secrets must not be: a search that does not find it proves nothing."""
    canary = f"canary-{secrets.token_hex(16)}"
    subprocess.run([sys.executable, "-c", "import time; time.sleep(0.2)", canary], check=True)
    for host in platform.hosts.names:
        platform.hosts.run(host, "sh", "-c", 'echo "$1" | tee "$2" | systemd-cat', "plant", canary, _PLANTED)
        platform.hosts.run(host, "journalctl", "--sync")
    return canary.encode()


def secrets_of(stack: Stack) -> frozenset[bytes]:
    """Every generated password, and every line of a private key. Raises Failure when the stack has no secret."""
    export = json.loads(succeeded(stack.pulumi("stack", "export", "--show-secrets")).text)
    resources = cast("list[_Resource]", export["deployment"]["resources"])
    texts = [
        _plain(resource["outputs"][_SECRET_OF[resource["type"]]])
        for resource in resources
        if resource["type"] in _SECRET_OF
    ]
    needles = frozenset(
        line.encode()
        for text in texts
        for line in text.splitlines()
        if len(line) >= _SHORTEST and not line.startswith("-----")
    )
    if not needles:
        raise Failure("the stack has no secret to look for")
    return needles


def _plain(value: object) -> str:
    """The text of a secret in a state export that shows secrets."""
    marked = cast("Mapping[str, str]", value)
    return cast("str", json.loads(marked["plaintext"]))


def _on_controller(stack: Stack) -> Iterable[_Place]:
    yield _Place("state export", succeeded(stack.pulumi("stack", "export")).text.encode())
    yield _Place("outputs", succeeded(stack.pulumi("stack", "output", "--json")).text.encode())
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = [PROJECT / name for name in listed.stdout.split("\0") if name]
    for folder in (PLATFORM / "state", PLATFORM / "pulumi"):
        files += [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        if path.is_file():
            yield _Place(f"file {path.relative_to(PROJECT)}", path.read_bytes())


def _on_host(platform: Platform, host: str, needles: frozenset[bytes], canary: bytes) -> list[str]:
    try:
        planted = _search(platform, host, frozenset({canary}))
    finally:
        platform.hosts.run(host, "rm", _PLANTED)
    if planted != ["journal", _PLANTED]:
        raise Failure(f"the canary was planted in the journal and {_PLANTED} of {host}, and found in {planted}")
    return [f"{host}: {where}" for where in _search(platform, host, needles)]


def _search(platform: Platform, host: str, needles: frozenset[bytes]) -> list[str]:
    # The secrets go in on standard input: on a command line they would be found.
    request = {
        "needles": sorted(needle.decode() for needle in needles),
        "forbidden": _FORBIDDEN_ON_HOSTS,
        "private": _PRIVATE_ON_HOSTS,
    }
    found = platform.hosts.run(host, "python3", "-c", _SEARCH, stdin=json.dumps(request), seconds=300)
    return found.splitlines()
