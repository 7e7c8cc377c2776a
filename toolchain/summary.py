"""What runs where after `make up`, and how to look inside."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from typing import TypedDict

from toolchain.cache import PROJECT
from toolchain.failure import Failure

_INSIDE = (
    ("source .lab/activate", "then pulumi preview, up, refresh, destroy as usual"),
    ("./lab/lab status", "the hosts; cut, kill, reboot or impair one and watch: ./lab/lab --help"),
    ("./lab/lab ssh edge1", "log in; there: sudo soundstage status"),
    ("make drift", "what on the hosts is no longer as declared"),
    ("make down", "take everything away again"),
)


class Host(TypedDict):
    """A host of the stack."""

    address: str
    duties: Sequence[str]


class Outputs(TypedDict, total=False):
    """The stack's outputs this text uses."""

    hosts: Mapping[str, Host]
    virtual_ip: str
    web_url: str
    statistics_url: str
    statistics_user: str
    key_value_url: str


def of(environment: Mapping[str, str]) -> str:
    """The text for the selected lab stack. Raises Failure if Pulumi cannot show its outputs."""
    command = ["pulumi", "stack", "output", "--json", "--stack", "lab"]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"pulumi stack output: {done.stderr.strip()}")
    return text(json.loads(done.stdout))


def text(outputs: Outputs) -> str:
    """One line per thing that runs; what the stack does not have is left out."""
    rows = [("web page", outputs.get("web_url", ""), "through the virtual IP, which one of the balancers holds")]
    rows += [("virtual IP", outputs.get("virtual_ip", ""), "")]
    user = outputs.get("statistics_user", "")
    credential = f"user {user}, password: pulumi stack output statistics_password --show-secrets"
    rows += [("statistics page", outputs.get("statistics_url", ""), credential)]
    rows += [("key-value store", outputs.get("key_value_url", ""), "")]
    hosts = sorted(outputs.get("hosts", {}).items())
    rows += [(name, host["address"], ", ".join(host["duties"])) for name, host in hosts]
    running = [f"  {name:<16} {where:<32} {note}".rstrip() for name, where, note in rows if where]
    inside = [f"  {command:<24} {note}" for command, note in _INSIDE]
    return "\n".join(["", "Running:", *running, "", "Look inside:", *inside])
