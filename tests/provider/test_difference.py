"""What counts as a difference between two roles, each with its twin that is none."""

from __future__ import annotations

import pytest

from provider.difference import differences
from provider.values import Plain
from tests.provider.roles import haproxy, with_config


def paths(old: Plain, new: Plain) -> list[str]:
    return [f"{each.kind} {each.path}" for each in differences(old, new)]


def test_the_same_role_does_not_differ() -> None:
    assert paths(haproxy(), haproxy()) == []


def test_a_content_is_named_by_its_path() -> None:
    assert paths(haproxy(), with_config("x")) == ['update role.files["/etc/haproxy/haproxy.cfg"].content']


def test_a_mode_is_named_apart_from_the_content() -> None:
    assert paths(haproxy(), with_config("global\n", mode="0600")) == [
        'update role.files["/etc/haproxy/haproxy.cfg"].mode'
    ]


def test_an_element_that_comes_or_goes_is_one_difference() -> None:
    assert paths(haproxy(packages={}), haproxy()) == ["add role.packages.haproxy"]
    assert paths(haproxy(), haproxy(packages={})) == ["delete role.packages.haproxy"]


def test_keys_with_dots_stand_in_brackets() -> None:
    assert paths(haproxy(), haproxy(sysctl={"vm.swappiness": "1"})) == ['add role.sysctl["vm.swappiness"]']


def test_a_field_an_older_version_did_not_write_means_its_default() -> None:
    old: Plain = {
        "name": "web",
        "files": {"/etc/x": {"content": "x"}},
        "units": {"web.service": {}},
        "users": {"web": {}},
        "verify": [{"kind": "http", "url": "http://10.0.0.1/"}],
        "validate_with": [{"argv": ["true"]}],
    }
    new: Plain = {
        "name": "web",
        "requires": {"systems": [], "memory_bytes": 0},
        "files": {"/etc/x": {"content": "x", "mode": "0644", "owner": "root", "group": "root", "on_change": {}}},
        "units": {"web.service": {"enabled": True, "running": True, "drain": None}},
        "users": {"web": {"home": "/nonexistent", "shell": "/usr/sbin/nologin", "groups": []}},
        "verify": [{"kind": "http", "url": "http://10.0.0.1/", "status": 200, "contains": "", "deadline_seconds": 15}],
        "validate_with": [{"argv": ["true"], "timeout_seconds": 20, "accept": [0]}],
        "absent": [],
        "confirm_seconds": 0,
        "remove_with": [],
    }
    assert paths(old, new) == []
    assert paths(new, old) == []


@pytest.mark.parametrize(
    ("section", "old", "new"),
    [
        ("units", {"x.service": {"reload_effect": "a"}}, {"x.service": {"reload_effect": "b", "restart_effect": "c"}}),
        ("artifacts", {"/opt/x": {"sha256": "0" * 64, "source": "a"}}, {"/opt/x": {"sha256": "0" * 64, "source": "b"}}),
    ],
)
def test_words_for_people_are_no_difference(section: str, old: Plain, new: Plain) -> None:
    assert paths({"name": "x", section: old}, {"name": "x", section: new}) == []


def test_another_hash_of_the_sources_is_a_difference() -> None:
    old: Plain = {"name": "x", "artifacts": {"/opt/x": {"sha256": "0" * 64, "source": "a"}}}
    new: Plain = {"name": "x", "artifacts": {"/opt/x": {"sha256": "1" * 64, "source": "a"}}}
    assert paths(old, new) == ['update role.artifacts["/opt/x"].sha256']


def test_other_probes_are_a_difference() -> None:
    new = haproxy(verify=[{"kind": "tcp", "address": "127.0.0.1", "port": 81}])
    assert paths(haproxy(), new) == ["update role.verify"]
