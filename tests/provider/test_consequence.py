"""The one line per role in a preview, as an operator reads it."""

from __future__ import annotations

import pytest

from provider import consequence
from provider.values import UNKNOWN, Plain
from tests.provider.roles import file, haproxy, with_config


def test_a_reload_says_what_it_means_for_listeners() -> None:
    line = consequence.of_a_change("edge1", haproxy(), with_config("global\n  maxconn 10\n"))
    assert line == "edge1 haproxy: haproxy.cfg changes → reload, connections kept"


def test_a_file_nobody_has_to_notice_restarts_nothing() -> None:
    new = haproxy()
    new["files"] = {**files_of(new), "/etc/haproxy/errors/503.http": file("HTTP/1.0 503 Sorry\n", {})}
    line = consequence.of_a_change("edge1", haproxy(), new)
    assert line == "edge1 haproxy: 503.http changes → no reload, no restart"


def test_a_new_role_lists_what_it_brings() -> None:
    line = consequence.of_a_new_role("edge1", haproxy())
    assert line == "edge1 haproxy: new: installs haproxy, 2 files, starts haproxy.service"


def test_a_new_role_with_everything() -> None:
    role: dict[str, Plain] = {
        "name": "kv-store",
        "packages": {"python3": "", "jq": "1.6-2"},
        "users": {"kv-store": {}},
        "sysctl": {"net.core.somaxconn": "1024", "vm.swappiness": "1"},
        "artifacts": {"/opt/soundstage/kv-store": {"sha256": "0" * 64, "source": "apps/kv_store"}},
        "units": {"kv-store.service": {}, "kv-check.timer": {"running": False}},
    }
    assert consequence.of_a_new_role("app1", role) == (
        "app1 kv-store: new: installs jq 1.6-2, python3, creates user kv-store, release of kv-store,"
        " 2 kernel settings, starts kv-store.service"
    )


def test_the_sentence_is_the_same_whatever_order_the_engine_sends_a_map_in() -> None:
    units: dict[str, Plain] = {f"web@{port}.service": {} for port in (8003, 8001, 8002)}
    role: dict[str, Plain] = {
        "name": "web",
        "units": units,
        "packages": {"b": "", "a": ""},
        "users": {"y": {}, "x": {}},
    }
    line = (
        "app1 web: new: installs a, b, creates user x, y, starts web@8001.service, web@8002.service, web@8003.service"
    )
    assert consequence.of_a_new_role("app1", role) == line


def test_a_role_of_checks_only_says_so() -> None:
    assert consequence.of_a_new_role("app1", {"name": "preflight"}) == "app1 preflight: new: only checks"


def test_a_restart_wins_over_a_reload_of_the_same_unit() -> None:
    old = haproxy()
    new = haproxy(
        files={
            "/etc/haproxy/haproxy.cfg": file("other\n", {"haproxy.service": "reload"}),
            "/etc/haproxy/errors/503.http": file("other\n", {"haproxy.service": "restart"}),
        }
    )
    line = consequence.of_a_change("edge1", old, new)
    assert line == "edge1 haproxy: 503.http and haproxy.cfg change → restart, every connection ends"


def test_drained_instances_restart_one_by_one() -> None:
    drain: Plain = {"marker": "/run/web/8001.drain", "notice_seconds": 2, "wait_seconds": 60, "ready": {"kind": "tcp"}}
    units: Plain = {"web@8001.service": {"drain": drain}, "web@8002.service": {"drain": drain}}
    both: Plain = {"web@8001.service": "restart", "web@8002.service": "restart"}

    def release(digest: str) -> dict[str, Plain]:
        artifacts: Plain = {"/opt/soundstage/web": {"sha256": digest, "source": "apps/web", "on_change": both}}
        return {"name": "web", "units": units, "artifacts": artifacts}

    line = consequence.of_a_change("app1", release("0" * 64), release("1" * 64))
    assert line == "app1 web: new release of web → restart web@8001, web@8002, one by one and drained first"


def test_a_unit_that_only_starts_is_not_called_a_restart() -> None:
    stopped = haproxy(units={"haproxy.service": {"running": False}})
    line = consequence.of_a_change("edge1", stopped, with_config("other\n"))
    assert line == "edge1 haproxy: haproxy.cfg changes, starts haproxy.service → no reload, no restart"


def test_a_content_that_is_known_later_is_named_so() -> None:
    line = consequence.of_a_change("edge1", haproxy(), with_config(UNKNOWN))
    assert line == "edge1 haproxy: haproxy.cfg (content known after apply) changes → reload, connections kept"


@pytest.mark.parametrize(
    ("reachable", "line"),
    [
        (False, "edge1 haproxy: was not reachable → is tried again"),
        (True, "edge1 haproxy: does not answer its probes → its units are started, or restarted once"),
    ],
)
def test_a_repair_says_why(reachable: bool, line: str) -> None:
    assert consequence.of_a_repair("edge1", haproxy(), reachable=reachable) == line


def test_what_goes_away_is_said() -> None:
    new = haproxy(packages={}, files={}, units={})
    line = consequence.of_a_change("edge1", haproxy(), new)
    assert line == (
        "edge1 haproxy: lets go of package haproxy, 503.http and haproxy.cfg are removed, stops haproxy.service"
        " → no reload, no restart"
    )


def test_a_rule_for_later_changes_is_no_change_of_a_file() -> None:
    new = haproxy()
    new["files"] = {**files_of(new), "/etc/haproxy/errors/503.http": file("HTTP/1.0 503\n", {"x.service": "reload"})}
    old = haproxy()
    old["files"] = {**files_of(new), "/etc/haproxy/errors/503.http": file("HTTP/1.0 503\n", {})}
    assert consequence.of_a_change("edge1", old, new) == "edge1 haproxy: reload rules change → no reload, no restart"
    line = consequence.of_a_change("edge1", old, {**new, "packages": {"haproxy": "2.9"}})
    assert line == "edge1 haproxy: installs haproxy 2.9 → no reload, no restart"


def test_a_removal_says_what_stops() -> None:
    line = consequence.of_a_removal("edge1", haproxy())
    assert line == "edge1 haproxy: removed: stops haproxy.service, 2 files, lets go of package haproxy"
    assert consequence.of_a_removal("app1", {"name": "preflight"}) == "app1 preflight: removed: only checks"


def files_of(role: dict[str, Plain]) -> dict[str, Plain]:
    files = role["files"]
    assert isinstance(files, dict)
    return files
