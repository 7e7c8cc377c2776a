"""The command `lab/lab`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from lab import host, life, network
from lab.record import Host, Lab, load, save
from toolchain.cache import PROJECT, locked
from toolchain.failure import Failure, exit_code

NOT_ALL_RUNNING, NO_LAB = 1, 3
"""Exit codes of `status`."""


def main() -> int:
    """Parse the command line and run it."""
    arguments = _parser().parse_args()
    directory = Path(arguments.dir).resolve()
    if arguments.command == "up":
        lab = life.up(directory, arguments.name, arguments.hosts, password_only=arguments.password_only)
        return _status(lab, as_json=False)
    if arguments.command == "down":
        life.down(directory)
        return 0
    lab = load(directory)
    if arguments.command == "status":
        return _status(lab, as_json=arguments.json)
    life.prepare()
    one = lab.host(arguments.host)
    if arguments.command in ("exec", "ssh", "logs"):
        return _look_inside(lab, one, arguments)
    with locked(directory / "lock"):
        _change(load(directory), one, arguments)
    return 0


def _change(lab: Lab, one: Host, arguments: argparse.Namespace) -> None:
    match arguments.command:
        case "kill":
            if not host.power_cut(lab, one):
                raise Failure(f"{one.name} is off already")
        case "start":
            life.start(lab, one)
        case "reboot":
            host.reboot(lab, one)
            life.start(lab, one)
        case "cut" | "heal":
            _set_faults(lab, replace(one, cut=arguments.command == "cut"))
        case _:
            _set_faults(lab, replace(one, loss_percent=arguments.loss))


def _set_faults(lab: Lab, one: Host) -> None:
    save(lab.with_host(one))
    if one.number in host.processes(lab):
        network.apply_faults(lab, one)


def _look_inside(lab: Lab, one: Host, arguments: argparse.Namespace) -> int:
    if arguments.command == "ssh":
        files = {"UserKnownHostsFile": lab.directory / "known_hosts", "IdentityFile": lab.directory / "id_ed25519"}
        options = [f"-o{key}={value}" for key, value in files.items()]
        options += ["-oStrictHostKeyChecking=yes", "-oIdentitiesOnly=yes"]
        argv = ["ssh", *options, f"deploy@{lab.address(one.number)}", *arguments.argv]
    elif arguments.command == "exec":
        argv = host.inside(lab, one, arguments.argv or ["bash"])
    elif one.number in host.processes(lab):
        argv = host.inside(lab, one, ["journalctl", "--no-pager", *arguments.argv])
    else:
        journal = lab.disk(one) / "upper/var/log/journal"
        argv = ["journalctl", "--no-pager", f"--directory={journal}", *arguments.argv]
    sys.stdout.flush()
    os.execvp(argv[0], argv)


def _status(lab: Lab, *, as_json: bool) -> int:
    running = host.processes(lab)
    if as_json:
        hosts = {
            one.name: {
                "address": lab.address(one.number),
                "running": one.number in running,
                "cut": one.cut,
                "loss_percent": one.loss_percent,
            }
            for one in lab.hosts
        }
        print(json.dumps({"network": lab.network, "bridge": lab.bridge, "hosts": hosts}, indent=2))
    elif not lab.hosts:
        print("no lab here: ./lab/lab up")
    for one in () if as_json else lab.hosts:
        faults = ", ".join(_faults(one))
        state = "running" if one.number in running else "off"
        print(f"{one.name:<12} {lab.address(one.number):<15} {state:<8} {faults}".rstrip())
    if not lab.hosts:
        return NO_LAB
    return 0 if all(one.number in running for one in lab.hosts) else NOT_ALL_RUNNING


def _faults(one: Host) -> list[str]:
    return ["network cut"] * one.cut + [f"loses {one.loss_percent:g}% each way"] * (one.loss_percent > 0)


def _percent(text: str) -> float:
    value = float(text.removesuffix("%"))
    if not 0 <= value <= 100:
        raise ValueError(text)
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab/lab", description="Real Debian 12 hosts on this machine.")
    default = os.environ.get("LAB_DIR") or str(PROJECT / ".lab")
    parser.add_argument("--dir", default=default, help="the lab's directory (default: $LAB_DIR, else .lab)")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    up = commands.add_parser("up", help="start the hosts; repairs a lab that a crash left half way")
    up.add_argument("name", nargs="*", help="hosts to start (default: those of lab/hosts.txt)")
    up.add_argument("--hosts", type=int, metavar="N", help="the first N hosts, then spare1, spare2, …")
    up.add_argument(
        "--password-only",
        action="store_true",
        help="new hosts have no deploy user, but one (admin) with the password in hosts/NAME/password",
    )
    commands.add_parser("down", help="remove hosts, network, mounts and settings")
    status = commands.add_parser(
        "status", help="hosts and their faults; exit 0: all run, 1: some are off, 3: there is no lab"
    )
    status.add_argument("--json", action="store_true", help="for programs")
    for name, text in {
        "cut": "take the host's network cable out",
        "heal": "put the host's network cable back",
        "kill": "power cut: no shutdown, the disk stays",
        "start": "switch the host on and wait for SSH",
        "reboot": "shut down in order and boot again",
    }.items():
        commands.add_parser(name, help=text).add_argument("host")
    impair = commands.add_parser("impair", help="lose some of the host's packets, each way")
    impair.add_argument("host")
    impair.add_argument("--loss", type=_percent, required=True, metavar="PERCENT", help="for example 1%%; 0 ends it")
    for name, text in {
        "exec": "run a command as root in the host, also when its network is cut: exec HOST -- CMD",
        "ssh": "log in as deploy",
        "logs": "the host's journal, also when it is off; options of journalctl after --",
    }.items():
        look = commands.add_parser(name, help=text)
        look.add_argument("host")
        look.add_argument("argv", nargs="*", metavar="…")
    return parser


if __name__ == "__main__":
    sys.exit(exit_code(main))
