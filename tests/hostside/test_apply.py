"""What an apply does to a host, and what it leaves alone."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from typing import cast

import pytest

from hostside.packages import Packages
from hostside.removal import remove
from tests.hostside.roles import SECRET, demo, files_only, leave_data_to_somebody_else
from tests.hostside.world import World, refused, run_apply


def observed_of(result: dict[str, object]) -> dict[str, object]:
    observed = result["observed"]
    assert isinstance(observed, dict)
    return cast("dict[str, object]", observed)


def forget(world: World, role: str) -> dict[str, object]:
    return remove(world.machine(), Packages(), role, lambda _: None)


def test_a_bare_host_becomes_what_the_role_declares(world: World) -> None:
    result = run_apply(world, demo())
    assert world.path("/etc/demo/demo.conf").read_text() == "first\n"
    assert stat.S_IMODE(world.path("/etc/demo/secret/token").stat().st_mode) == 0o600
    assert world.path("/etc/demo/secret/token").stat().st_uid == 990
    assert not world.path("/etc/demo/default.conf").exists()
    assert world.path("/proc/sys/net/core/somaxconn").read_text() == "65535\n"
    assert "-net.core.somaxconn = 65535\n" in world.path("/etc/sysctl.d/60-soundstage-demo.conf").read_text()
    assert {name for name, unit in world.units.items() if unit.active == "active" and unit.enabled} == {
        "demo.service",
        "demo@1.service",
        "demo@2.service",
    }
    assert result["armed"] is False
    assert result["unsettable"] == {}
    assert result["notes"] == [], "what the package itself brought is nobody's original"
    assert world.started == [], "a daemon was started by being installed"


def test_the_observed_values_are_those_declared(world: World) -> None:
    observed = run_apply(world, demo())["observed"]
    assert observed == {
        "packages": {"demo": ""},
        "users": {"demo": {"home": "/var/lib/demo", "shell": "/usr/sbin/nologin", "groups": []}},
        "sysctl": {"net.core.somaxconn": "65535"},
        "directories": {"/var/lib/demo": {"mode": "0750", "owner": "demo", "group": "demo", "keep": True}},
        "files": {
            "/etc/demo/demo.conf": {
                "content": "first\n",
                "mode": "0644",
                "owner": "root",
                "group": "root",
                "on_change": {"demo.service": "reload"},
            },
            "/etc/demo/secret/token": {
                "content": f"password = {SECRET}\n",
                "mode": "0600",
                "owner": "demo",
                "group": "root",
                "on_change": {},
            },
            "/etc/systemd/system/demo@.service": {
                "content": "[Service]\n",
                "mode": "0644",
                "owner": "root",
                "group": "root",
                "on_change": {"demo@1.service": "restart", "demo@2.service": "restart"},
            },
        },
        "absent": ["/etc/demo/default.conf"],
        "artifacts": {},
        "units": {
            name: {"enabled": True, "running": True, "reload_effect": "", "restart_effect": "", "drain": None}
            for name in ("demo.service", "demo@1.service", "demo@2.service")
        },
    }


def test_a_second_apply_touches_nothing(world: World) -> None:
    run_apply(world, demo())
    world.effects.clear()
    before = world.picture()
    assert run_apply(world, demo())["changed"] == []
    assert world.effects == []
    assert world.differs_from(before) == {}


def test_a_changed_file_reloads_its_unit_and_nothing_else(world: World) -> None:
    run_apply(world, demo())
    world.effects.clear()
    assert run_apply(world, demo("second\n"))["changed"] == ["file /etc/demo/demo.conf"]
    assert [effect for effect in world.effects if effect.startswith("run ")] == ["run systemctl reload -- demo.service"]
    assert world.units["demo.service"].loaded == "second\n"


def test_a_unit_that_does_not_run_is_started_and_not_reloaded(world: World) -> None:
    run_apply(world, demo())
    world.units["demo.service"].active = "inactive"
    world.effects.clear()
    run_apply(world, demo("second\n"))
    assert [effect for effect in world.effects if effect.startswith("run ")] == ["run systemctl start -- demo.service"]


def test_a_restart_wins_over_a_reload_and_rollout_does_neither(world: World) -> None:
    def with_files(content: str) -> dict[str, object]:
        files = {
            "/etc/demo/a": {"content": content, "on_change": {"demo.service": "reload", "demo@1.service": "rollout"}},
            "/etc/demo/b": {"content": content, "on_change": {"demo.service": "restart"}},
        }
        return demo(files=files)

    run_apply(world, with_files("1"))
    world.effects.clear()
    run_apply(world, with_files("2"))
    assert [effect for effect in world.effects if effect.startswith("run ")] == [
        "run systemctl restart -- demo.service"
    ]


def test_a_file_that_is_no_longer_declared_goes_and_its_original_comes_back(world: World) -> None:
    world.path("/etc/plain").mkdir()
    world.path("/etc/plain/old").write_text("by hand\n")
    run_apply(world, files_only(old="ours\n", other="ours\n", third="ours\n"))
    run_apply(world, files_only(third="ours\n"))
    assert world.path("/etc/plain/old").read_text() == "by hand\n"
    assert not world.path("/etc/plain/other").exists()
    assert not world.path("/var/lib/soundstage/originals").exists()


def test_the_original_is_kept_once_and_put_back_at_removal_with_its_mode(world: World) -> None:
    world.path("/etc/plain").mkdir()
    world.path("/etc/plain/old").write_text("by hand\n")
    world.path("/etc/plain/old").chmod(0o640)
    before = world.picture()
    run_apply(world, files_only(old="one\n"))
    run_apply(world, files_only(old="two\n"))
    forget(world, "plain")
    assert world.differs_from(before) == {}


def test_removal_leaves_nothing_but_the_data(world: World) -> None:
    before = world.picture()
    run_apply(world, demo())
    world.path("/var/lib/demo/data").write_text("precious")
    assert forget(world, "demo")["removed"] is True
    world.path("/var/lib/demo/data").unlink()
    world.path("/var/lib/demo").rmdir()
    assert world.differs_from(before) == {}


def test_removing_a_role_that_is_not_there_is_no_error(world: World) -> None:
    before = world.picture()
    assert forget(world, "demo")["removed"] is False
    assert world.differs_from(before) == {}


def test_data_that_outlived_its_user_belongs_to_it_again(world: World) -> None:
    run_apply(world, demo())
    forget(world, "demo")
    os.chown(world.path("/var/lib/demo"), 977, 990)
    run_apply(world, demo())
    assert "demo:x:977:" in world.path("/etc/passwd").read_text()


def test_data_is_given_back_to_a_user_whose_number_somebody_else_has_got(world: World) -> None:
    run_apply(world, demo())
    forget(world, "demo")
    folder = leave_data_to_somebody_else(world)
    (folder / "link").symlink_to(world.path("/etc/passwd"))
    (folder / "of-another").write_text("")
    os.chown(folder / "link", 977, 976, follow_symlinks=False)
    os.chown(folder / "of-another", 12, 12)
    run_apply(world, demo())
    owners = {path.name: (path.lstat().st_uid, path.lstat().st_gid) for path in (folder, *folder.rglob("*"))}
    ours = (990, 990)
    assert owners == {"demo": ours, "inner": ours, "precious": ours, "link": ours, "of-another": (12, 12)}
    assert world.path("/etc/passwd").stat().st_uid == 0


def test_a_path_of_another_role_is_refused_by_name(world: World) -> None:
    run_apply(world, files_only(a="1"))
    before = world.picture()
    failure = refused(world, files_only("second", a="2"))
    assert (failure.step, failure.message) == ("claims", "/etc/plain/a belongs to the role plain")
    assert world.differs_from(before) == {}


def test_an_invalid_configuration_is_refused_before_anything_changes(world: World) -> None:
    run_apply(world, demo())
    world.effects.clear()
    before = world.picture()
    failure = refused(world, demo("INVALID\n"))
    assert failure.step == "validate"
    assert "demo-check refuses (exit status 1): demo.conf: INVALID" in failure.message
    assert world.differs_from(before) == {}
    assert not [effect for effect in world.effects if effect.startswith(("write", "replace", "run systemctl"))]


@pytest.mark.parametrize("config", ["MUTE\n", "CRASH\n"])
def test_a_change_that_does_not_verify_is_rolled_back(world: World, config: str) -> None:
    run_apply(world, demo())
    before = world.picture()
    failure = refused(world, demo(config, on_change="restart"))
    assert failure.step in ("verify", "units")
    assert failure.message.endswith("; everything is as it was before")
    assert world.differs_from(before) == {}
    assert world.units["demo.service"].loaded == "first\n"


def test_a_failed_first_apply_leaves_the_host_but_for_its_packages(world: World) -> None:
    machine = world.machine()
    machine.run(["apt-get", "install", "demo"])
    world.started.clear()
    before = world.picture()
    refused(world, demo("MUTE\n"))
    assert world.differs_from(before) == {}


def test_no_secret_leaves_in_a_failure(world: World) -> None:
    run_apply(world, demo())
    failure = refused(world, demo("MUTE\n"))
    assert "password" not in failure.message
    assert SECRET not in failure.journal
    assert "[hidden]" in failure.journal


def test_a_service_that_does_not_answer_is_restarted_once(world: World) -> None:
    run_apply(world, demo())
    world.units["demo.service"].loaded = "MUTE"
    world.effects.clear()
    result = run_apply(world, demo())
    assert result["changed"] == ["unit demo.service"]
    assert world.effects == ["run systemctl restart -- demo.service"]


def test_a_kernel_key_that_this_host_lacks_is_told_and_is_no_drift(world: World) -> None:
    role = {**files_only(a="1"), "sysctl": {"net.ipv4.tcp_moon": "1"}}
    result = run_apply(world, role)
    assert result["unsettable"] == {"net.ipv4.tcp_moon": "this kernel has no such key"}
    assert {"sysctl": {"net.ipv4.tcp_moon": "1"}}.items() <= observed_of(result).items()
    assert run_apply(world, role)["changed"] == []


def test_the_farewell_of_a_role_comes_after_its_units_stopped_and_before_its_files_go(world: World) -> None:
    run_apply(world, demo(remove_with=[["demo-farewell"]]))
    world.effects.clear()
    forget(world, "demo")
    order = ["run systemctl stop -- demo.service", "run demo-farewell", "unlink /etc/demo/secret/token"]
    assert [world.effects.index(effect) for effect in order] == sorted(world.effects.index(effect) for effect in order)


def test_removal_sets_the_kernel_back(world: World) -> None:
    run_apply(world, demo())
    forget(world, "demo")
    assert world.path("/proc/sys/net/core/somaxconn").read_text() == "4096\n"


def test_two_applies_at_once_wait_for_each_other(world: World) -> None:
    run_apply(world, files_only(a="1"))
    held = os.open(world.path("/var/lib/soundstage/lock"), os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX)
    said: list[str] = []
    waiting = threading.Event()

    class Said(list[str]):
        def append(self, text: str) -> None:
            said.append(text)
            waiting.set()

    other = threading.Thread(target=run_apply, args=(world, files_only(a="2"), Said()))
    other.start()
    assert waiting.wait(10)
    assert said == ["waiting for another apply on this host"]
    assert world.path("/etc/plain/a").read_text() == "1"
    os.close(held)
    other.join(10)
    assert world.path("/etc/plain/a").read_text() == "2"
