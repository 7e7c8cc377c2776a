"""Hosts in trouble: full disks, interrupted package tools, changes nobody confirms."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hostside import packages, recovery
from hostside.failure import Failure
from hostside.machine import Machine, Owner
from hostside.packages import Packages, parse
from hostside.removal import remove
from tests.hostside.roles import demo, files_only
from tests.hostside.world import World, refused, run_apply


def changed(config: str = "second\n") -> dict[str, object]:
    """The demo role with another content and two more files."""
    role = demo(config)
    role["files"] = {
        "/etc/demo/demo.conf": {"content": config, "on_change": {"demo.service": "restart"}},
        "/etc/systemd/system/demo@.service": {"content": "[Service]\n# new\n"},
        "/srv/demo/deep/file": {"content": "new\n"},
    }
    return role


def outside_our_state(differences: dict[str, tuple[object, object]]) -> dict[str, tuple[object, object]]:
    """What differs apart from what we remember."""
    return {name: each for name, each in differences.items() if not name.startswith("/var/lib/soundstage")}


def full(world: World) -> Failure | None:
    """What an apply on a disk that fills up says, None when the space was enough."""
    try:
        run_apply(world, changed())
    except Failure as failure:
        return failure
    return None


def test_a_full_disk_at_any_write_leaves_the_host_as_it_was(world: World) -> None:
    run_apply(world, demo())
    writes = 0
    while True:
        host = world.twin(world.root.parent / "full")
        before = host.picture()
        host.full_after = writes
        failure = full(host)
        if failure is None:
            assert host.path("/srv/demo/deep/file").read_text() == "new\n"
            break
        assert "No space left on device" in failure.message, writes
        assert outside_our_state(host.differs_from(before)) == {}, writes
        host.full_after = None
        run_apply(host, changed())
        assert host.path("/srv/demo/deep/file").read_text() == "new\n", writes
        writes += 1
    assert writes > 10


def test_an_interrupted_dpkg_is_repaired_before_an_install(world: World) -> None:
    world.machine().dpkg.set_package("broken", "1.0", "half-configured")
    run_apply(world, demo())
    commands = [effect for effect in world.effects if effect.startswith("run ")]
    assert commands[0] == "run dpkg --force-confdef --force-confold --configure -a"
    assert parse(world.path("/var/lib/dpkg/status").read_bytes())["broken"].state == "installed"


def test_another_package_tool_is_waited_for(world: World) -> None:
    lock = world.path("/var/lib/dpkg/lock-frontend")
    lock.write_text("")
    machine = world.machine()
    said: list[str] = []
    held, released = os.pipe()
    child = os.fork()
    if child == 0:
        descriptor = os.open(lock, os.O_RDWR)
        fcntl.lockf(descriptor, fcntl.LOCK_EX)
        os.write(released, b".")
        threading.Event().wait(30)
        os._exit(0)
    os.read(held, 1)

    def heard(text: str) -> None:
        said.append(text)
        os.kill(child, 9)
        os.waitpid(child, 0)

    packages.wait_for_locks(machine, heard)
    assert said == ["waiting for another package tool to release the package lock"]


def test_a_pinned_version_is_held_and_let_go_with_the_role(world: World) -> None:
    role = demo(packages={"demo": "1.0"})
    observed = run_apply(world, role)["observed"]
    assert isinstance(observed, dict)
    assert observed["packages"] == {"demo": "1.0"}
    assert parse(world.path("/var/lib/dpkg/status").read_bytes())["demo"].held
    run_apply(world, demo(packages={"demo": ""}))
    assert not parse(world.path("/var/lib/dpkg/status").read_bytes())["demo"].held


def test_a_new_pinned_version_restarts_the_daemon(world: World) -> None:
    run_apply(world, demo(packages={"demo": "1.0"}))
    world.effects.clear()
    run_apply(world, demo(packages={"demo": "1.1"}))
    assert "run systemctl restart -- demo.service" in world.effects


def test_a_package_that_another_role_needs_stays(world: World) -> None:
    run_apply(world, demo())
    run_apply(world, {"name": "second", "packages": {"demo": ""}})
    remove(world.machine(), Packages(), "second", lambda _: None)
    assert "demo" in parse(world.path("/var/lib/dpkg/status").read_bytes())
    remove(world.machine(), Packages(), "demo", lambda _: None)
    assert parse(world.path("/var/lib/dpkg/status").read_bytes()) == {}


def test_a_package_that_was_there_before_stays(world: World) -> None:
    world.machine().dpkg.set_package("demo", "1.0")
    world.path("/usr/lib/systemd/system/demo.service").write_text("[Service]\n")
    run_apply(world, demo())
    remove(world.machine(), Packages(), "demo", lambda _: None)
    assert "demo" in parse(world.path("/var/lib/dpkg/status").read_bytes())


def test_the_policy_of_the_administrator_comes_back(world: World) -> None:
    policy = world.path("/usr/sbin/policy-rc.d")
    policy.write_text("#!/bin/sh\nexit 0\n")
    run_apply(world, demo())
    assert policy.read_text() == "#!/bin/sh\nexit 0\n"


def armed(**files: str) -> dict[str, object]:
    """A role that can lock out."""
    return {**files_only("sshd", **files), "confirm_seconds": 60}


def fire_timer(world: World) -> None:
    """Lets the timer do what systemd would do."""
    (argv,) = world.timers.values()
    assert argv == ["/usr/local/sbin/soundstage", "recover", "--role", "sshd"]
    recovery.recover(world.machine(), Packages(), "sshd", lambda _: None, booting=False)


def test_an_unconfirmed_change_is_undone_by_the_timer(world: World) -> None:
    run_apply(world, files_only("sshd", a="old\n"))
    before = world.picture()
    assert run_apply(world, armed(a="new\n"))["armed"] is True
    assert world.path("/etc/plain/a").read_text() == "new\n"
    world.clock += 60
    fire_timer(world)
    differences = world.differs_from(before)
    assert set(differences) == {"/var/lib/soundstage/undone", "/var/lib/soundstage/undone/sshd"}
    with pytest.raises(Failure, match="was not confirmed over a new connection"):
        recovery.confirm(world.machine(), Packages(), "sshd", lambda _: None)


def test_a_confirmed_change_stays_and_its_timer_goes(world: World) -> None:
    run_apply(world, armed(a="new\n"))
    assert recovery.confirm(world.machine(), Packages(), "sshd", lambda _: None) == {"confirmed": True}
    assert world.timers == {}
    world.clock += 600
    recovery.recover(world.machine(), Packages(), "sshd", lambda _: None, booting=False)
    assert world.path("/etc/plain/a").read_text() == "new\n"
    assert recovery.confirm(world.machine(), Packages(), "sshd", lambda _: None) == {"confirmed": True}


def test_an_unconfirmed_change_is_undone_at_boot(world: World) -> None:
    run_apply(world, armed(a="new\n"))
    recovery.recover(world.machine(), Packages(), None, lambda _: None, booting=True)
    assert not world.path("/etc/plain/a").exists()


def test_a_timer_that_is_too_early_undoes_nothing(world: World) -> None:
    run_apply(world, armed(a="new\n"))
    fire_timer(world)
    assert world.path("/etc/plain/a").read_text() == "new\n"


def test_another_role_does_not_touch_a_change_that_waits_for_its_confirmation(world: World) -> None:
    run_apply(world, armed(a="new\n"))
    run_apply(world, {"name": "other", "files": {"/etc/other": {"content": ""}}})
    assert world.path("/etc/plain/a").read_text() == "new\n"
    assert recovery.confirm(world.machine(), Packages(), "sshd", lambda _: None) == {"confirmed": True}


def test_applying_again_what_was_not_confirmed_undoes_and_does_it_again(world: World) -> None:
    run_apply(world, files_only("sshd", a="old\n"))
    run_apply(world, armed(a="new\n"))
    result = run_apply(world, armed(a="new\n"))
    assert result["armed"] is True
    assert result["notes"] == ["undid an interrupted change of sshd"]


def test_a_directory_in_the_place_of_a_file_is_refused(world: World) -> None:
    world.path("/etc/plain/a/inner").mkdir(parents=True)
    before = world.picture()
    failure = refused(world, files_only(a="1"))
    assert "/etc/plain/a is a directory on this host" in failure.message
    assert world.differs_from(before) == {}


def test_an_essential_package_is_known_too_and_the_installed_architecture_counts() -> None:
    status = (
        b"Package: bash\nEssential: yes\nStatus: install ok installed\nPriority: required\nVersion: 5.2-2\n\n"
        b"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36\n\n"
        b"Package: libc6\nStatus: deinstall ok config-files\nArchitecture: i386\nVersion: 2.31\n\n"
        b"Package: gone\nStatus: purge ok not-installed\nPriority: optional\n\n"
        b"Package: pinned\nStatus: hold ok installed\nVersion: 1:2~3\n\n"
    )
    assert {name: tuple(package) for name, package in parse(status).items()} == {
        "bash": ("5.2-2", "installed", False),
        "libc6": ("2.36", "installed", False),
        "pinned": ("1:2~3", "installed", True),
    }


class Overtaken(Machine):
    """A machine on which another program makes each directory just before this one does."""

    def make_directory(self, path: str, owner: Owner) -> None:
        Path(self.at(path)).mkdir()
        super().make_directory(path, owner)


@pytest.mark.parametrize("make", [Overtaken.make_private, Overtaken.make_directories], ids=["private", "public"])
def test_two_first_applies_at_once_may_make_the_same_directory(
    make: Callable[[Machine, str], None], memory: Path
) -> None:
    machine = Overtaken(str(memory))
    make(machine, "/var/lib/soundstage")
    assert machine.is_directory("/var/lib/soundstage")
    with pytest.raises(FileExistsError):
        machine.make_directory("/var/lib/soundstage", Owner(0o700, 0, 0))
