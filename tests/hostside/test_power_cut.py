"""The power may go at any moment: the next run ends where an uninterrupted one would have ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostside import recovery
from hostside.packages import Packages
from hostside.removal import remove
from tests.hostside.roles import demo, files_only, leave_data_to_somebody_else
from tests.hostside.world import PowerCut, World, new_world, run_apply

Act = Callable[[World], object]


def first_apply(world: World) -> object:
    return run_apply(world, demo())


def second_apply(world: World) -> object:
    """Another content, a restart, a file that goes with its original, a unit that goes, a new directory."""
    role = demo("second\n")
    role["files"] = {
        "/etc/demo/demo.conf": {"content": "second\n", "on_change": {"demo.service": "restart"}},
        "/etc/systemd/system/demo@.service": {
            "content": "[Service]\n# new\n",
            "on_change": {"demo@1.service": "restart"},
        },
        "/srv/demo/deep/file": {"content": "new\n"},
    }
    role["units"] = {"demo.service": {}, "demo@1.service": {"enabled": False}}
    return run_apply(world, role)


def removal(world: World) -> object:
    return remove(world.machine(), Packages(), "demo", lambda _: None)


def coming_back(world: World) -> object:
    """The same role again, for which data is kept that now belongs to a number of somebody else."""
    return first_apply(world)


def prepared(act: Act, root: Path) -> World:
    """A host on which the act is the next thing to happen."""
    root.mkdir(parents=True)
    world = new_world(root)
    world.path("/etc/demo/secret").mkdir(parents=True)
    world.path("/etc/demo/secret/token").write_text("by hand\n")
    run_apply(world, files_only(a="other role\n"))
    if act is not first_apply:
        first_apply(world)
    if act is coming_back:
        removal(world)
        leave_data_to_somebody_else(world)
    world.effects.clear()
    return world


def interrupted(world: World, act: Act, after: int) -> bool:
    """Runs the act until the power goes after that many effects; whether it went."""
    world.cut_after = after
    try:
        act(world)
    except PowerCut:
        return True
    finally:
        world.cut_after = None
    return False


def cuts(act: Act, memory: Path) -> Iterator[tuple[int, World]]:
    """One host for each effect of the act, cut off just before it."""
    after = 0
    ready = prepared(act, memory / "ready")
    while True:
        world = ready.twin(memory / "cut")
        if not interrupted(world, act, after):
            return
        yield after, world
        after += 1


@pytest.mark.parametrize("act", [first_apply, second_apply, removal, coming_back])
@pytest.mark.parametrize("rebooted", [False, True], ids=["program killed", "host rebooted"])
def test_power_cut_at_every_effect_then_run_again(act: Act, rebooted: bool, memory: Path) -> None:
    whole = prepared(act, memory / "whole")
    act(whole)
    expected = whole.picture()
    count = 0
    for after, world in cuts(act, memory):
        if rebooted:
            recovery.recover(world.machine(), Packages(), None, lambda _: None, booting=True)
            world.reboot()
        world.effects.clear()
        act(world)
        assert world.differs_from(expected) == {}, f"cut before effect {after}"
        count += 1
    assert count > 20


@pytest.mark.parametrize("act", [first_apply, second_apply])
def test_a_cut_after_the_journal_is_undone_at_boot_to_what_was_there(act: Act, memory: Path) -> None:
    for after, world in cuts(act, memory):
        journals = world.path("/var/lib/soundstage/journal/demo/journal.json")
        committed = '"committed": true' in journals.read_text() if journals.exists() else True
        if committed:
            continue
        recovery.recover(world.machine(), Packages(), None, lambda _: None, booting=True)
        assert not journals.exists(), after
        world.reboot()
        if act is second_apply:
            assert world.path("/etc/demo/demo.conf").read_text() == "first\n", after
            assert world.units["demo@2.service"].active == "active", after
        else:
            assert world.path("/etc/demo/secret/token").read_text() == "by hand\n", after
            assert world.units["demo.service"].active == "inactive", after


def test_a_power_cut_at_every_effect_of_the_recovery_itself(memory: Path) -> None:
    whole = prepared(second_apply, memory / "whole")
    second_apply(whole)
    expected = whole.picture()
    late = prepared(second_apply, memory / "length")
    second_apply(late)
    verifying = next(i for i, effect in enumerate(late.effects) if "demo.json" in effect)
    ready = prepared(second_apply, memory / "ready")
    again = 0
    while True:
        world = ready.twin(memory / "again")
        assert interrupted(world, second_apply, verifying)
        world.effects.clear()
        if not interrupted(world, second_apply, again):
            break
        world.effects.clear()
        second_apply(world)
        assert world.differs_from(expected) == {}, f"second cut before effect {again}"
        again += 1
    assert again > 40


def test_everything_new_is_on_the_disk_before_the_first_name_changes_and_before_the_journal_goes(memory: Path) -> None:
    world = prepared(second_apply, memory / "host")
    second_apply(world)
    effects = world.effects

    def at(effect: str) -> int:
        return effects.index(effect)

    journal = "/var/lib/soundstage/journal/demo"
    path = "/etc/demo/demo.conf"
    ordered = [
        f"copy {path} {journal}/0",
        f"fsync {journal}/0",
        f"fsync directory {journal}",
        f"write {journal}/journal.json",
        f"fsync {journal}/journal.json",
        f"replace {journal}/journal.json",
        f"write {path}",
        f"fsync {path}",
        f"replace {path}",
        "fsync directory /etc/demo",
        "run systemctl restart -- demo.service",
        "fsync /var/lib/soundstage/manifests/demo.json",
        "replace /var/lib/soundstage/manifests/demo.json",
        "fsync directory /var/lib/soundstage/manifests",
        f"unlink {journal}/journal.json",
    ]
    assert [at(effect) for effect in ordered] == sorted(at(effect) for effect in ordered)
    last_sync = max(i for i, effect in enumerate(effects) if effect.startswith(("fsync /etc", "fsync /srv")))
    assert last_sync < at(f"replace {path}")
