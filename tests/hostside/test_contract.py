"""A role is read whole, or everything that is wrong with it is said."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from hostside.contract import problems, role_of
from hostside.values import Drain, HttpProbe, Role, TcpProbe
from roles import model
from tests.hostside.roles import SECRET, demo


def test_all_problems_are_told_at_once_by_their_path() -> None:
    role = {
        "name": "Demo",
        "files": {"/etc/../x": {"content": "a"}, "/etc/a": {"content": 7, "mode": "644", "colour": "red"}},
        "units": {"demo": {"enabled": "yes"}},
        "verify": [{"kind": "smoke"}, {"kind": "tcp", "address": "10.0.0.1", "port": 70_000}],
        "extra": 1,
    }
    assert {path for path, _ in problems(role)} == {
        "name",
        'files["/etc/../x"]',
        'files["/etc/a"].content',
        'files["/etc/a"].mode',
        'files["/etc/a"].colour',
        "units.demo",
        "units.demo.enabled",
        "verify[0].kind",
        "verify[1].port",
        "extra",
    }


def test_a_problem_says_what_was_given_and_what_is_allowed() -> None:
    assert problems({"name": "a", "files": {"/etc/a": {"content": "x", "mode": "9"}}})[0].message == (
        "must be an octal mode such as 0644; given is '9'"
    )


def test_a_content_never_stands_in_a_problem() -> None:
    wrong = problems({"name": "a", "files": {"/etc/a": {"content": [SECRET], "mode": "0600"}}})
    assert wrong
    assert SECRET not in str(wrong)


def test_contradictions_are_problems() -> None:
    role = {
        "name": "a",
        "files": {"/etc/a": {"content": ""}, "/etc/a/b": {"content": ""}, "/proc/x": {"content": ""}},
        "absent": ["/etc/a"],
    }
    assert [path for path, _ in problems(role)] == ['files["/proc/x"]', 'absent["/etc/a"]', 'files["/etc/a/b"]']


def test_missing_fields_mean_their_default() -> None:
    assert role_of({"name": "a"}) == Role("a")


def test_numbers_of_a_wire_without_integers_are_whole_again() -> None:
    role = role_of({"name": "a", "verify": [{"kind": "tcp", "address": "::1", "port": 8001.0}]})
    assert role.verify == (TcpProbe("::1", 8001),)
    assert isinstance(role.verify[0], TcpProbe)
    assert isinstance(role.verify[0].port, int)


def test_what_the_role_model_writes_is_what_is_read_here() -> None:
    drain = model.Drain(
        marker="/run/a", notice_seconds=1, wait_seconds=2, ready=model.HttpProbe(url="http://127.0.0.1:1/")
    )
    written = model.Role(
        name="full",
        requires=model.Requirements(systems=("debian:12",), kernel="5.10"),
        packages={"haproxy": ""},
        files={"/etc/a": model.File(content="x", on_change={"a.service": "rollout"})},
        units={"web@8001.service": model.Unit(drain=drain)},
        artifacts={"/opt/a": model.Artifact(sha256="0" * 64, source="apps/a")},
        validate_with=(model.Check(argv=("true",), accept=(0, 143)),),
        verify=(model.CommandProbe(argv=("true",)),),
        confirm_seconds=60,
        remove_with=(("ip", "route"),),
    )
    wire = json.loads(json.dumps(written.model_dump(mode="json")))
    assert problems(wire) == []
    read = role_of(wire)
    assert read.units["web@8001.service"].drain == Drain("/run/a", 1, 2, HttpProbe("http://127.0.0.1:1/"))
    assert read.validate_with[0].accept == (0, 143)


def test_the_model_and_the_contract_have_the_same_fields() -> None:
    for name in ("File", "Directory", "User", "Artifact", "Unit", "Check", "Requirements", "Role", "Drain"):
        ours = set(__import__("hostside.values", fromlist=[name]).__dict__[name].__dataclass_fields__)
        assert ours == set(getattr(model, name).model_fields), name


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(sorted(demo())), json_values, max_size=6))
def test_any_json_is_read_or_refused_and_never_an_error(value: dict[str, object]) -> None:
    if not problems(value):
        assert isinstance(role_of(value), Role)
