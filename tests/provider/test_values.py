"""Marks for secret and unknown survive the way through plain values."""

from __future__ import annotations

import pytest
from pulumi.provider.experimental.property_value import PropertyValue

from provider.observation import reflected
from provider.redaction import Redaction
from provider.values import Plain, as_map, dressed, field, plain, secret_texts
from tests.provider.roles import file, haproxy

PATH = "/etc/haproxy/secret.cfg"
SECRET = "user admin password rw8XkQmN2vLpT5yZaB7c\n"


def role_with_a_secret_file() -> PropertyValue:
    content = PropertyValue(SECRET, is_secret=True)
    element = PropertyValue({"content": content, "mode": PropertyValue("0600")})
    return PropertyValue({"name": PropertyValue("haproxy"), "files": PropertyValue({PATH: element})})


def observed(role: Plain) -> dict[str, Plain]:
    """What a host says that is exactly as declared: every field, no words for people."""
    files = {path: {k: v for k, v in as_map(each).items() if k != "on_change"} for path, each in files_of(role).items()}
    return {"packages": as_map(role)["packages"], "files": {**files}, "units": {"haproxy.service": RUNS}}


def files_of(role: Plain) -> dict[str, Plain]:
    return as_map(as_map(role)["files"])


RUNS: dict[str, Plain] = {"enabled": True, "running": True}


def test_numbers_of_the_wire_become_whole_again() -> None:
    assert plain(PropertyValue({"port": PropertyValue(8001.0), "factor": PropertyValue(0.5)})) == {
        "port": 8001,
        "factor": 0.5,
    }


def test_a_host_that_is_as_declared_reflects_the_very_value() -> None:
    declared = dressed(haproxy())
    assert reflected(declared, observed(haproxy())) == declared


def test_a_file_somebody_edited_shows_the_hosts_content() -> None:
    seen = observed(haproxy())
    seen["files"] = {**as_map(seen["files"]), "/etc/haproxy/haproxy.cfg": {"content": "edited\n", "mode": "0644"}}
    found = plain(reflected(dressed(haproxy()), seen))
    assert as_map(files_of(found)["/etc/haproxy/haproxy.cfg"]) == file("edited\n", {"haproxy.service": "reload"})


def test_what_is_missing_on_the_host_is_left_out() -> None:
    seen = observed(haproxy())
    seen["packages"] = {}
    assert as_map(plain(reflected(dressed(haproxy()), seen)))["packages"] == {}


def test_absent_files_that_came_back_are_left_out() -> None:
    role = haproxy(absent=["/etc/a", "/etc/b"])
    found = plain(reflected(dressed(role), {**observed(role), "absent": ["/etc/b"]}))
    assert as_map(found)["absent"] == ["/etc/b"]


def test_the_edited_content_of_a_secret_file_is_secret_too() -> None:
    found = reflected(role_with_a_secret_file(), {"files": {PATH: {"content": "edited", "mode": "0644"}}})
    element = field(field(found, "files"), PATH)
    assert field(element, "content") == PropertyValue("edited", is_secret=True)
    assert field(element, "mode") == PropertyValue("0644")


def test_a_secret_map_marks_everything_in_it() -> None:
    whole = PropertyValue({"a": PropertyValue("hidden-text")}, is_secret=True)
    assert list(secret_texts(whole)) == ["hidden-text"]
    assert dressed({"a": "other"}, whole).is_secret


@pytest.mark.parametrize(
    "message",
    [
        SECRET,
        "probe: user admin password rw8XkQmN2vLpT5yZaB7c",
        "401 for rw8XkQmN2vLpT5yZaB7c",
    ],
)
def test_a_secret_is_kept_out_of_messages_whole_by_line_and_by_word(message: str) -> None:
    redaction = Redaction()
    redaction.learn({"role": role_with_a_secret_file()})
    assert "rw8XkQmN2vLpT5yZaB7c" not in redaction.clean(message)


def test_plain_words_of_a_secret_file_stay_readable() -> None:
    redaction = Redaction()
    redaction.learn({"role": role_with_a_secret_file()})
    assert redaction.clean("user admin is unknown") == "user admin is unknown"
