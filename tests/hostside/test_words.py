"""What a person on the host is told: status, and the maintenance switch."""

from __future__ import annotations

import io
import json
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hostside import maintenance, status
from hostside.apply import main
from hostside.commands import Answer
from hostside.failure import Failure
from hostside.machine import Machine
from tests.hostside.roles import demo
from tests.hostside.world import World, WorldMachine, run_apply

_SELF_SIGNED = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 40 -subj /CN=a"


class WithCertificates(WorldMachine):
    """A host with openssl, where every certificate ends at the same moment."""

    def ask(self, argv: Sequence[str], timeout: float = 60, stdin: str = "") -> Answer:
        if argv[0] == "openssl":
            return Answer(0, "notAfter=Dec 14 22:13:20 2023 GMT\n", "")  # 30 days after the world's clock
        return super().ask(argv, timeout, stdin)


def shown(world: World) -> tuple[int, str]:
    out = io.StringIO()
    return status.show(WithCertificates(world), out, as_json=False), out.getvalue()


def with_certificate() -> dict[str, object]:
    return demo(files={"/etc/demo/tls.pem": {"content": "-----BEGIN CERTIFICATE-----\n"}})


def test_a_good_host_is_told_in_plain_text_and_exits_with_0(world: World) -> None:
    run_apply(world, with_certificate())
    code, text = shown(world)
    assert code == 0, text
    assert "\x1b" not in text
    assert "ok    demo  applied 2023-11-14 22:13:20 UTC" in text
    assert "packages      demo 1.0" in text
    assert "unit          demo@1.service active" in text
    assert "probe         demo-probe demo.service answers" in text
    assert "certificate   /etc/demo/tls.pem 30 days left" in text
    assert text.endswith("all is well\n")


def test_everything_that_is_wrong_is_told_and_exits_with_1(world: World) -> None:
    run_apply(world, with_certificate())
    world.path("/etc/demo/demo.conf").write_text("by hand\n")
    world.units["demo.service"].active = "failed"
    world.clock += 86_400
    code, text = shown(world)
    assert code == 1
    assert "WRONG         /etc/demo/demo.conf was changed since" in text
    assert "WRONG         demo.service has failed" in text
    assert "WRONG         probe demo-probe demo.service: exit status 1: no answer" in text
    assert "WRONG         /etc/demo/tls.pem ends in 29 days" in text


def test_a_change_that_waits_for_its_confirmation_is_told(world: World) -> None:
    run_apply(world, demo(confirm_seconds=60))
    assert "the last change waits to be confirmed" in shown(world)[1]


def test_the_status_is_there_for_programs_too(world: World) -> None:
    run_apply(world, demo())
    out = io.StringIO()
    assert status.show(WithCertificates(world), out, as_json=True) == 0
    told = json.loads(out.getvalue())
    assert told["good"] is True
    assert told["roles"]["demo"]["units"]["demo.service"] == "active"


def test_the_last_day_of_a_real_certificate_is_read(world: World, tmp_path: Path) -> None:
    certificate = tmp_path / "tls.pem"
    subprocess.run(
        [*_SELF_SIGNED.split(), "-keyout", str(tmp_path / "key"), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )

    class Real(WorldMachine):
        def ask(self, argv: Sequence[str], timeout: float = 60, stdin: str = "") -> Answer:
            return Machine.ask(self, argv, timeout, stdin) if argv[0] == "openssl" else super().ask(argv, timeout)

    role: dict[str, object] = {"name": "tls", "files": {"/etc/tls.pem": {"content": certificate.read_text()}}}
    run_apply(world, role)
    world.clock = datetime.now(UTC).timestamp()
    out = io.StringIO()
    status.show(Real(world), out, as_json=True)
    assert json.loads(out.getvalue())["roles"]["tls"]["certificates"] == {"/etc/tls.pem": 39}


@pytest.mark.parametrize("words", [["nonsense"], [], ["maintenance", "sideways"]])
def test_words_that_are_not_understood_exit_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["soundstage", *words])
    assert ended.value.code == 2
    assert "usage: soundstage" in capsys.readouterr().err


class HAProxy:
    """An admin socket that knows two servers and remembers what it was told."""

    def __init__(self, path: Path) -> None:
        self.states = {"app1-8001": "UP", "app2-8001": "UP"}
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._listener.accept()
            except OSError:
                return
            with channel:
                channel.sendall(self._answer(channel.recv(1000).decode().split()).encode())

    def _answer(self, words: list[str]) -> str:
        if words[:2] == ["show", "stat"]:
            rows = [("BACKEND", "UP"), *self.states.items()]
            return "# pxname,svname,status,\n" + "".join(f"web,{name},{state},\n" for name, state in rows)
        if words[:2] == ["set", "server"]:
            self.states[words[2].removeprefix("web/")] = {"maint": "MAINT", "ready": "UP"}[words[4]]
            return "\n"
        return "1\n"


@pytest.fixture
def haproxy(world: World) -> Iterator[HAProxy]:
    """An HAProxy on this host."""
    world.path("/run/haproxy").mkdir()
    playing = HAProxy(world.path("/run/haproxy/admin.sock"))
    yield playing
    playing.close()


def test_a_server_is_taken_out_and_put_back(world: World, haproxy: HAProxy) -> None:
    out = io.StringIO()
    assert maintenance.switch(world.machine(), out, "on", "web/app1-8001") == 0
    assert haproxy.states == {"app1-8001": "MAINT", "app2-8001": "UP"}
    assert "web/app1-8001 MAINT" in out.getvalue()
    maintenance.switch(world.machine(), out, "off", "app1-8001")
    assert haproxy.states["app1-8001"] == "UP"


def test_the_servers_are_shown_without_the_backends_own_lines(world: World, haproxy: HAProxy) -> None:
    out = io.StringIO()
    maintenance.switch(world.machine(), out, "show", "")
    assert [line.split() for line in out.getvalue().splitlines()] == [["web/app1-8001", "UP"], ["web/app2-8001", "UP"]]


def test_a_server_that_is_not_there_is_refused_with_those_that_are(world: World, haproxy: HAProxy) -> None:
    with pytest.raises(Failure, match="there are web/app1-8001, web/app2-8001"):
        maintenance.switch(world.machine(), io.StringIO(), "on", "web/app9")


def test_the_switch_is_saved_at_once_where_the_role_can(world: World, haproxy: HAProxy) -> None:
    save = "/usr/local/sbin/haproxy-server-state"
    world.path(save).parent.mkdir(parents=True)
    world.path(save).touch()
    maintenance.switch(world.machine(), io.StringIO(), "on", "app1-8001")
    assert world.effects == [f"run {save}"]


def test_a_host_without_haproxy_says_so(world: World) -> None:
    with pytest.raises(Failure, match=r"no HAProxy answers on /run/haproxy/admin\.sock"):
        maintenance.switch(world.machine(), io.StringIO(), "show", "")
