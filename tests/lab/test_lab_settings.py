"""The machine's settings belong to the machine: raised for the first lab, put back by the last one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import machine

FOUND = {
    "net/ipv4/ip_forward": "0",
    "fs/inotify/max_user_instances": "128",
    "net/core/rmem_max": "212992",
    "net/core/wmem_max": "33554432",
}
RAISED = {
    "net/ipv4/ip_forward": "1",
    "fs/inotify/max_user_instances": "8192",
    "net/core/rmem_max": "16777216",
    "net/core/wmem_max": "33554432",
}


class Machine:
    """A machine with settings in files, and checkouts with a lab each."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for key, value in FOUND.items():
            self.change(key, value)

    def change(self, key: str, value: str) -> None:
        (self.root / "sys" / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / "sys" / key).write_text(value)

    def settings(self) -> dict[str, str]:
        return {key: (self.root / "sys" / key).read_text() for key in FOUND}

    def checkout(self, name: str) -> Path:
        (self.root / name).mkdir()
        (self.root / name / "lab.json").touch()
        return self.root / name


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.setattr(machine, "REGISTRY", tmp_path / "run")
    monkeypatch.setattr(machine, "SETTINGS", tmp_path / "sys")
    monkeypatch.setattr(machine, "NSPAWN", tmp_path / "nspawn")
    return Machine(tmp_path)


def test_the_last_lab_puts_back_what_the_first_one_found(computer: Machine) -> None:
    machine.register("aaaaaa", computer.checkout("a"))
    assert computer.settings() == RAISED
    machine.register("bbbbbb", computer.checkout("b"))
    machine.unregister("aaaaaa")
    assert computer.settings() == RAISED
    machine.unregister("bbbbbb")
    assert computer.settings() == FOUND
    assert not (computer.root / "run").exists()


def test_a_lab_whose_checkout_was_deleted_holds_nothing(computer: Machine) -> None:
    gone = computer.checkout("gone")
    machine.register("aaaaaa", gone)
    machine.register("bbbbbb", computer.checkout("b"))
    (gone / "lab.json").unlink()
    machine.unregister("bbbbbb")
    assert computer.settings() == FOUND


def test_a_setting_that_somebody_else_changed_meanwhile_is_left_alone(computer: Machine) -> None:
    machine.register("aaaaaa", computer.checkout("a"))
    computer.change("net/core/rmem_max", "67108864")
    machine.unregister("aaaaaa")
    assert computer.settings() == {**FOUND, "net/core/rmem_max": "67108864"}


def test_a_lab_that_is_started_twice_remembers_the_machine_s_values(computer: Machine) -> None:
    directory = computer.checkout("a")
    machine.register("aaaaaa", directory)
    machine.register("aaaaaa", directory)
    machine.unregister("aaaaaa")
    assert computer.settings() == FOUND
