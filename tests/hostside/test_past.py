"""A host with a past: what was there is kept once, told by path, and is there again when the role goes."""

from __future__ import annotations

import os
import stat

from hostside.packages import Packages, parse
from hostside.removal import remove
from tests.hostside.roles import demo, files_only
from tests.hostside.world import Unit, World, refused, run_apply

BY_HAND = "by hand\n"


def forget(world: World, role: str) -> None:
    remove(world.machine(), Packages(), role, lambda _: None)


def by_hand(world: World, path: str, content: str = BY_HAND) -> None:
    """A file that somebody put there before us."""
    world.path(path).parent.mkdir(parents=True, exist_ok=True)
    world.path(path).write_text(content)


def run_by_hand(world: World) -> None:
    """The demo daemon as an administrator set it up: installed, configured, enabled, running."""
    world.machine().dpkg.apt(["apt-get", "install", "demo"])
    world.started.clear()
    by_hand(world, "/etc/demo/demo.conf")
    world.units["demo.service"] = Unit(enabled=True)
    world.start("demo.service")


def test_each_original_is_told_by_path_with_what_becomes_of_it_and_only_once(world: World) -> None:
    by_hand(world, "/etc/plain/old")
    assert run_apply(world, files_only(old="one\n", new="one\n"))["notes"] == [
        "kept the original of /etc/plain/old; removal puts it back"
    ]
    assert run_apply(world, files_only(old="two\n", new="two\n"))["notes"] == []
    assert world.path("/var/lib/soundstage/originals/etc/plain/old").read_text() == BY_HAND


def test_a_file_that_is_as_declared_already_is_no_original(world: World) -> None:
    by_hand(world, "/etc/plain/same", "ours\n")
    assert run_apply(world, files_only(same="ours\n", other="ours\n"))["notes"] == []


def test_a_file_that_was_as_declared_stays_when_the_role_goes(world: World) -> None:
    by_hand(world, "/etc/plain/same", "ours\n")
    before = world.picture()
    run_apply(world, files_only(same="ours\n", other="ours\n"))
    forget(world, "plain")
    assert world.differs_from(before) == {}


def test_a_daemon_that_was_run_by_hand_runs_by_hand_again(world: World) -> None:
    run_by_hand(world)
    before = world.picture()
    notes = run_apply(world, demo())["notes"]
    assert notes == [
        "kept the original of /etc/demo/demo.conf; removal puts it back",
        "kept the original of /etc/demo/default.conf; removal puts it back",
    ]
    assert world.units["demo.service"].loaded == "first\n"
    run_apply(world, demo("second\n"))
    forget(world, "demo")
    world.path("/var/lib/demo").rmdir()
    assert world.differs_from(before) == {}
    assert world.units["demo.service"] == Unit(enabled=True, active="active", loaded=BY_HAND)
    assert "demo" in parse(world.path("/var/lib/dpkg/status").read_bytes())


def test_owners_modes_and_links_come_back_as_they_were(world: World) -> None:
    by_hand(world, "/etc/plain/owned")
    os.chown(world.path("/etc/plain/owned"), 1234, 5678)
    world.path("/etc/plain/owned").chmod(0o4750)
    by_hand(world, "/srv/real")
    world.path("/etc/plain/link").symlink_to("/srv/real")
    world.path("/etc/plain/dangling").symlink_to("nowhere")
    before = world.picture()
    run_apply(world, files_only(owned="ours\n", link="ours\n", dangling="ours\n"))
    assert world.path("/srv/real").read_text() == BY_HAND, "a link is replaced, never followed"
    assert stat.S_IMODE(world.path("/etc/plain/owned").stat().st_mode) == 0o644
    forget(world, "plain")
    assert world.differs_from(before) == {}


def test_a_link_that_must_be_absent_comes_back(world: World) -> None:
    by_hand(world, "/srv/site")
    world.path("/etc/sites").mkdir()
    world.path("/etc/sites/default").symlink_to("/srv/site")
    before = world.picture()
    result = run_apply(world, {"name": "sites", "absent": ["/etc/sites/default"]})
    assert result["notes"] == ["kept the original of /etc/sites/default; removal puts it back"]
    assert not world.path("/etc/sites/default").is_symlink()
    forget(world, "sites")
    assert world.differs_from(before) == {}


def test_a_directory_that_was_there_gets_its_owner_and_mode_back_and_keeps_its_content(world: World) -> None:
    by_hand(world, "/srv/place/content")
    os.chown(world.path("/srv/place"), 1234, 5678)
    world.path("/srv/place").chmod(0o700)
    before = world.picture()
    run_apply(world, {"name": "place", "directories": {"/srv/place": {"mode": "0755"}}})
    assert stat.S_IMODE(world.path("/srv/place").stat().st_mode) == 0o755
    forget(world, "place")
    assert world.differs_from(before) == {}


def test_a_unit_that_was_masked_is_masked_again(world: World) -> None:
    run_by_hand(world)
    world.units["demo.service"] = Unit(masked=True)
    before = world.picture()
    run_apply(world, demo())
    assert world.units["demo.service"] == Unit(enabled=True, active="active", loaded="first\n")
    forget(world, "demo")
    world.path("/var/lib/demo").rmdir()
    assert world.differs_from(before) == {}


def test_a_failed_apply_leaves_a_masked_unit_masked(world: World) -> None:
    run_by_hand(world)
    world.units["demo.service"] = Unit(masked=True)
    before = world.picture()
    refused(world, demo("MUTE\n"))
    assert world.differs_from(before) == {}


def test_a_unit_that_ran_and_must_not_runs_again_when_the_role_goes(world: World) -> None:
    run_by_hand(world)
    before = world.picture()
    run_apply(world, {"name": "quiet", "units": {"demo.service": {"enabled": False, "running": False}}})
    assert world.units["demo.service"] == Unit()
    forget(world, "quiet")
    assert world.differs_from(before) == {}


def test_a_package_that_somebody_else_held_stays_held(world: World) -> None:
    world.machine().dpkg.set_package("demo", "1.0")
    world.machine().dpkg.mark(["apt-mark", "hold", "demo"])
    run_apply(world, {"name": "pinned", "packages": {"demo": "1.1"}})
    run_apply(world, {"name": "pinned", "packages": {"demo": "1.2"}})
    forget(world, "pinned")
    assert parse(world.path("/var/lib/dpkg/status").read_bytes())["demo"].held


def test_the_configuration_of_a_package_that_was_removed_by_hand_is_not_purged(world: World) -> None:
    world.machine().dpkg.set_package("demo", "1.0", "config-files")
    by_hand(world, "/etc/demo/demo.conf")
    by_hand(world, "/etc/demo/default.conf", "default site\n")
    before = world.picture()
    run_apply(world, demo())
    forget(world, "demo")
    world.path("/var/lib/demo").rmdir()
    assert world.differs_from(before) == {}


def test_an_account_that_was_there_is_as_it_was_and_keeps_its_number(world: World) -> None:
    passwd = world.path("/etc/passwd")
    passwd.write_text(passwd.read_text() + "demo:x:1001:990::/home/demo:/bin/bash\n")
    world.path("/etc/group").write_text(world.path("/etc/group").read_text() + "demo:x:990:\n")
    before = world.picture()
    run_apply(world, {"name": "account", "users": {"demo": {"home": "/var/lib/demo"}}})
    assert "demo:x:1001:990::/var/lib/demo:/usr/sbin/nologin\n" in passwd.read_text()
    forget(world, "account")
    assert world.differs_from(before) == {}


TCP = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
OURS, STRANGER = ("812", "demo", "system.slice/demo.service", 5001), ("71", "nginx", "user.slice/session-3.scope", 5002)


def listening(world: World, *processes: tuple[str, str, str, int], place: str = "00000000:1F41") -> None:
    """Processes (number, name, control group, socket) that listen on port 8001 of `place`."""
    rows = [
        f"   {index}: {place} 00000000:0000 0A 00000000:00000000 00:00000000 00000000  0  0 {socket} 1 0 100 0\n"
        for index, (*_, socket) in enumerate(processes)
    ]
    by_hand(world, "/proc/net/tcp", TCP + "".join(rows))
    for process, name, group, socket in processes:
        by_hand(world, f"/proc/{process}/comm", f"{name}\n")
        by_hand(world, f"/proc/{process}/cgroup", f"8:pids:/\n0::/{group}\n")
        world.path(f"/proc/{process}/fd").mkdir()
        world.path(f"/proc/{process}/fd/3").symlink_to(f"socket:[{socket}]")


def test_a_failure_for_a_taken_port_names_who_has_it(world: World) -> None:
    listening(world, STRANGER)
    failure = refused(world, demo("MUTE: bind() to 0.0.0.0:8001 failed (98: Address already in use)\n"))
    assert "; port 8001 is taken by nginx (process 71 of session-3.scope): stop that and run again; " in failure.message
    assert failure.message.endswith("everything is as it was before")


def test_a_failure_for_another_reason_names_nobody(world: World) -> None:
    listening(world, STRANGER)
    assert "port 8001" not in refused(world, demo("MUTE on port 8001\n")).message


def test_somebody_who_shares_the_port_of_a_unit_is_no_success(world: World) -> None:
    listening(world, OURS, STRANGER)
    before = world.picture()
    failure = refused(world, demo())
    shared = "port 8001 of demo.service is served by nginx (process 71 of session-3.scope) too: stop that and run again"
    assert failure.message == f"{shared}; everything is as it was before"
    assert not world.path("/etc/demo/secret").exists()
    assert {name for name in world.differs_from(before) if name.startswith("/etc/sysctl")} == set()


def test_a_socket_that_a_unit_was_given_and_another_address_are_nobody_s_business(world: World) -> None:
    given = ("1", "systemd", "init.scope", 5001)
    listening(world, OURS, given)
    run_apply(world, demo())
