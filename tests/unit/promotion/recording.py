"""Records what the real engine says of changes to a running lab: `python -m tests.unit.promotion.recording`.

Kept is what promotion reads: no times, no positions in source files, no paths of this machine, and of a role only what
changes (of one that is removed: the names of what it has).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import cast

from ruamel.yaml import YAML

from provider.difference import MAPS
from toolchain import local_state
from toolchain.cache import PROJECT

DIGESTS = Path(__file__).parent / "digests"
Config = dict[str, dict[str, object]]
_STATE = ("type", "custom", "inputs", "outputs")


def a_timeout(config: Config) -> None:
    config["soundstage:load_balancer"]["tunnel_timeout_seconds"] = 1800


def a_new_instance(config: Config) -> None:
    config["soundstage:web_servers"]["instances_per_host"] = 3


def a_rotated_password(config: Config) -> None:
    config["soundstage:load_balancer"]["statistics"] = {"password_generation": 2}


def a_removed_host(config: Config) -> None:
    del config["soundstage:hosts"]["app2"]
    config["soundstage:web_servers"]["hosts"] = ["app1"]


def nothing(config: Config) -> None:
    assert config


SCENARIOS: Mapping[str, Callable[[Config], None]] = {
    "timeout": a_timeout,
    "new-instance": a_new_instance,
    "rotated-password": a_rotated_password,
    "removed-host": a_removed_host,
    "nothing": nothing,
}


def main() -> None:
    """Record every scenario on the lab of this checkout, which must be up and as declared."""
    DIGESTS.mkdir(exist_ok=True)
    file = local_state.stack_file("lab")
    committed = file.read_text()
    yaml = YAML()
    for name, change in SCENARIOS.items():
        document = cast("dict[str, Config]", yaml.load(committed))  # pyright: ignore[reportUnknownMemberType] untyped
        change(document["config"])
        try:
            with file.open("w") as handle:
                yaml.dump(document, handle)  # pyright: ignore[reportUnknownMemberType] untyped
            printed = _preview()
        finally:
            file.write_text(committed)
        (DIGESTS / f"{name}.json").write_text(json.dumps(_reduced(json.loads(printed)), indent=1) + "\n")


def _preview() -> str:
    command = ["pulumi", "preview", "--json", "--non-interactive", "--stack", "lab"]
    with local_state.opened("lab") as environment:
        return subprocess.run(command, cwd=PROJECT, env=environment, check=True, capture_output=True, text=True).stdout


def _reduced(digest: Mapping[str, object]) -> dict[str, object]:
    steps = cast("list[dict[str, object]]", digest["steps"])
    return {
        "steps": [_reduced_step(step) for step in steps if step["op"] != "same"],
        "diagnostics": digest.get("diagnostics", []),
        "changeSummary": digest["changeSummary"],
    }


def _reduced_step(step: Mapping[str, object]) -> dict[str, object]:
    kept: dict[str, object] = {key: step[key] for key in ("op", "urn", "detailedDiff") if key in step}
    for side in ("oldState", "newState"):
        state = cast("Mapping[str, object]", step.get(side) or {})
        reduced = {key: state[key] for key in _STATE if key in state}
        # The outputs say what is there; what was asked for then is read by nobody.
        if reduced.get("outputs"):
            reduced.pop("inputs", None)
        if reduced:
            kept[side] = reduced
    old, new = _role(kept.get("oldState")), _role(kept.get("newState"))
    for section in MAPS:
        for key, element in list(old.get(section, {}).items()):
            if new.get(section, {}).get(key) == element:
                del old[section][key], new[section][key]
            elif not new and section == "files":
                cast("dict[str, object]", element)["content"] = ""
    return kept


def _role(state: object) -> dict[str, dict[str, object]]:
    values = cast("Mapping[str, Mapping[str, object]]", state or {})
    found = values.get("outputs") or values.get("inputs") or {}
    return cast("dict[str, dict[str, object]]", found.get("role", {}))


if __name__ == "__main__":
    main()
