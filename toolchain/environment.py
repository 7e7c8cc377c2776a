"""What makes plain `pulumi` work in this checkout: `.lab/activate` for a shell, the same for our own commands."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from toolchain.cache import PROJECT

LAB = PROJECT / ".lab"
STATE = LAB / "state"
PASSPHRASE = LAB / "passphrase"
FIXED = {
    "PULUMI_HOME": str(LAB / "pulumi"),
    "PULUMI_SKIP_UPDATE_CHECK": "true",
    # The one plugin is in the checkout; looking for others would need the network.
    "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    # One unreachable host must not keep the others from being done.
    "PULUMI_CONTINUE_ON_ERROR": "true",
    # A stack made without touching its committed file is opened with the salt in its state.
    "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    "PULUMI_PYTHON_CMD": str(PROJECT / "toolchain" / "program-python"),
}
PREFERRED = {
    "PULUMI_BACKEND_URL": STATE.as_uri(),
    # The default follows the cores; applying roles is waiting for hosts.
    "PULUMI_PARALLEL": "32",
}
"""Only where the user has not set them."""
EXAMPLE_PASSPHRASE = "soundstage-example"  # noqa: S105 opens the committed examples and nothing else
"""Documented passphrase of the salts in Pulumi.staging.yaml and Pulumi.prod.yaml; a real stack gets one of its own."""


def backend_is_ours() -> bool:
    """Whether the state is the one under `.lab`, not a backend the user chose."""
    return os.environ.get("PULUMI_BACKEND_URL") in (None, "", PREFERRED["PULUMI_BACKEND_URL"])


def variables(path: str) -> dict[str, str]:
    """This process's environment with everything set for Pulumi; `path` is the PATH to use."""
    environment = {**PREFERRED, **{key: value for key, value in os.environ.items() if value}, **FIXED, "PATH": path}
    if "PULUMI_CONFIG_PASSPHRASE" not in environment:
        environment.setdefault("PULUMI_CONFIG_PASSPHRASE_FILE", str(PASSPHRASE))
    return environment


def write_activate(directories: Sequence[Path], virtual_environment: Path) -> None:
    """Write `.lab/activate`, with a passphrase for local states if there is none."""
    for directory in (LAB, STATE, LAB / "pulumi"):
        directory.mkdir(parents=True, exist_ok=True)
    if not PASSPHRASE.exists():
        fresh = PASSPHRASE.with_name(".passphrase.new")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(32))
        os.replace(fresh, PASSPHRASE)
    _keep_no_engine_logs()
    target = LAB / "activate"
    fresh = LAB / ".activate.new"
    fresh.write_text(_script(directories, {**FIXED, "VIRTUAL_ENV": str(virtual_environment)}))
    os.replace(fresh, target)


def _keep_no_engine_logs() -> None:
    """Puts a file in the place of the directory of the engine's automatic logs.

    They hold every property of every resource of every run (10 kB an item, encrypted), cost a third of the engine's
    processor time, and have no switch.
    """
    logs = LAB / "pulumi" / "logs"
    if logs.is_dir():
        shutil.rmtree(logs)
    logs.write_text("The engine keeps no logs here; remove this file to have them until the next `make tools`.\n")


def _script(directories: Sequence[Path], fixed: Mapping[str, str]) -> str:
    own = os.pathsep.join(map(str, directories))
    lines = ["# Written by `make tools`. Use it with: source .lab/activate", f"_soundstage={shlex.quote(own)}"]
    lines += ['case ":$PATH:" in *":$_soundstage:"*) ;; *) PATH="$_soundstage:$PATH" ;; esac', "export PATH"]
    lines += ["unset _soundstage"]
    lines += [f"export {key}={shlex.quote(value)}" for key, value in fixed.items()]
    lines += [f': "${{{key}:={value}}}"; export {key}' for key, value in PREFERRED.items()]
    passphrase = f'"${{PULUMI_CONFIG_PASSPHRASE_FILE:-{PASSPHRASE}}}"'
    lines += [
        'if [ -z "${PULUMI_CONFIG_PASSPHRASE+set}" ]; then',
        f"  export PULUMI_CONFIG_PASSPHRASE_FILE={passphrase}",
    ]
    return "\n".join([*lines, "fi", ""])


def activated_path() -> str:
    """PATH as `.lab/activate` sets it."""
    for line in (LAB / "activate").read_text().splitlines():
        if line.startswith("_soundstage="):
            return f"{shlex.split(line.partition('=')[2])[0]}{os.pathsep}{os.environ['PATH']}"
    raise AssertionError(".lab/activate has no PATH in it")
