"""Units that listeners depend on: drained one after another, and told when this host cannot do what they ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from hostside.commands import Answer
from hostside.failure import Failure
from hostside.units import restart
from hostside.values import CommandProbe, Drain
from tests.hostside.world import Unit, World, WorldMachine, refused, run_apply

MARKER = "/run/web/1.drain"
DRAIN = Drain(
    marker=MARKER,
    notice_seconds=3,
    wait_seconds=10,
    idle=CommandProbe(("demo-idle",)),
    ready=CommandProbe(("demo-probe", "demo@1.service"), deadline_seconds=2),
)


@pytest.fixture
def drained(world: World) -> World:
    """A host where demo@1.service runs."""
    world.path("/etc/systemd/system/demo@.service").write_text("[Service]\n")
    world.start("demo@1.service")
    return world


class Listeners(WorldMachine):
    """A host whose listeners have gone after some seconds of draining; the marker is watched."""

    def __init__(self, world: World, seconds: float) -> None:
        super().__init__(world)
        self.gone_at = world.clock + seconds
        self.marked_at_restart = False
        self.restarted_at = 0.0

    def ask(self, argv: Sequence[str], timeout: float = 60, stdin: str = "") -> Answer:
        if argv[0] == "demo-idle":
            return Answer(0 if self.world.clock >= self.gone_at else 1, "", "3 listeners")
        return super().ask(argv, timeout, stdin)

    def run(
        self, argv: Sequence[str], timeout: float = 600, stdin: str = "", environment: Mapping[str, str] | None = None
    ) -> Answer:
        if argv[:2] == ["systemctl", "restart"]:
            self.marked_at_restart = self.world.path(MARKER).exists()
            self.restarted_at = self.world.clock
        return super().run(argv, timeout, stdin, environment)


def quiet(_: str) -> None:
    """Progress that is not looked at."""


def test_a_drained_unit_restarts_when_its_listeners_have_gone(drained: World) -> None:
    begun = drained.clock
    machine = Listeners(drained, seconds=7)
    restart(machine, "demo@1.service", DRAIN, quiet)
    assert machine.marked_at_restart
    assert 7 <= machine.restarted_at - begun < 8
    assert not drained.path(MARKER).exists()


def test_a_drain_never_waits_longer_than_it_may(drained: World) -> None:
    begun = drained.clock
    machine = Listeners(drained, seconds=1000)
    said: list[str] = []
    restart(machine, "demo@1.service", DRAIN, said.append)
    assert 13 <= machine.restarted_at - begun < 14
    assert said == ["draining demo@1.service", "demo@1.service is not idle after 10 s, restarting it"]


def test_the_marker_goes_when_the_restart_fails(drained: World) -> None:
    drained.path("/etc/demo").mkdir()
    drained.path("/etc/demo/demo.conf").write_text("CRASH\n")
    with pytest.raises(Failure, match="systemctl restart"):
        restart(Listeners(drained, seconds=0), "demo@1.service", DRAIN, quiet)
    assert not drained.path(MARKER).exists()


def test_a_unit_that_is_not_ready_after_its_restart_is_a_failure(drained: World) -> None:
    drained.path("/etc/demo").mkdir()
    drained.path("/etc/demo/demo.conf").write_text("MUTE\n")
    with pytest.raises(Failure, match=r"demo@1\.service is not ready after its restart: demo-probe"):
        restart(Listeners(drained, seconds=0), "demo@1.service", DRAIN, quiet)


def instances(content: str) -> dict[str, object]:
    """Two instances that drain, restarted when their template changes."""
    ready = {"kind": "command", "argv": ["demo-probe", "demo@1.service"], "deadline_seconds": 1}
    drain = {"marker": MARKER, "notice_seconds": 1, "wait_seconds": 1, "ready": ready}
    return {
        "name": "web",
        "files": {
            "/etc/demo/demo.conf": {"content": content},
            "/etc/systemd/system/demo@.service": {
                "content": f"[Service]\n# {content}",
                "on_change": {"demo@1.service": "restart", "demo@2.service": "restart"},
            },
        },
        "units": {"demo@1.service": {"drain": drain}, "demo@2.service": {"drain": drain}},
    }


def test_a_roll_stops_at_the_first_instance_that_fails_and_goes_back(world: World) -> None:
    run_apply(world, instances("good"))
    world.effects.clear()
    failure = refused(world, instances("MUTE"))
    assert "is not ready after its restart" in failure.message
    restarts = [effect for effect in world.effects if effect.startswith("run systemctl restart")]
    assert restarts == ["run systemctl restart -- demo@1.service"] * 2, "the second instance was never touched"
    assert {unit.loaded for unit in world.units.values()} == {"good"}


def test_a_unit_that_runs_but_is_not_declared_to_is_stopped(world: World) -> None:
    run_apply(world, instances("good"))
    role = instances("good")
    role["units"] = {"demo@1.service": {"enabled": False, "running": False}, "demo@2.service": {}}
    run_apply(world, role)
    assert world.units["demo@1.service"] == Unit()
    assert world.units["demo@2.service"].active == "active"


def test_a_unit_without_a_definition_is_a_failure_and_leaves_nothing(world: World) -> None:
    before = world.picture()
    failure = refused(world, {"name": "a", "units": {"missing.service": {}}})
    assert "missing.service" in failure.message
    assert world.differs_from(before) == {}
