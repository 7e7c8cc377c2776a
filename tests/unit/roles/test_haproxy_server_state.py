"""The state of HAProxy's servers as it is saved on a balancer host."""

from __future__ import annotations

from pathlib import Path

import pytest

from roles.haproxy import server_state

HEADER = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight"


def line(server: str, admin_state: int = 0, weight: int = 100, port: int = 8001) -> str:
    return f"3 web 1 {server} 10.0.0.3 2 {admin_state} {weight} 100 92 15 3 4 6 0 0 0 - {port} - 0 0 - - 0\n"


@pytest.fixture(autouse=True)
def _host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "haproxy.cfg"
    config.write_text("backend web\n\tserver one 10.0.0.3:8001\n\tserver two [fd00::4]:8002 disabled\n")
    monkeypatch.setattr(server_state, "CONFIG", config)
    monkeypatch.setattr(server_state, "FILE", tmp_path / "servers")
    monkeypatch.setattr(server_state, "SOCKET", str(tmp_path / "admin.sock"))


def test_a_server_that_moved_to_another_port_is_asked_there() -> None:
    server_state.FILE.write_text(f"{HEADER}\n{line('two', admin_state=1, port=7000)}")
    assert server_state.main() == 0
    assert server_state.FILE.read_text() == f"{HEADER}\n{line('two', admin_state=1, port=8002)}"


def test_a_start_keeps_maintenance_and_weights_and_forgets_who_was_up() -> None:
    server_state.FILE.write_text(f"{HEADER}\n{line('one')}{line('two', 1, port=8002)}{line('one', weight=50)}")
    assert server_state.main() == 0
    assert server_state.FILE.read_text() == f"{HEADER}\n{line('two', 1, port=8002)}{line('one', weight=50)}"


def test_nothing_is_saved_before_the_first_start() -> None:
    assert server_state.main() == 0
    assert not server_state.FILE.exists()


def test_a_state_of_another_version_is_refused_and_left_alone(capsys: pytest.CaptureFixture[str]) -> None:
    server_state.FILE.write_text("2\nsomething else\n")
    assert server_state.main() == 1
    assert server_state.FILE.read_text() == "2\nsomething else\n"
    assert "expected a state of version 1" in capsys.readouterr().err
