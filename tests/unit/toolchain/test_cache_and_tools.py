"""The cache holds whole entries only, and tools are taken from the machine only when they are new enough."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolchain import cache, go_module, go_tools, livekit, prerequisites
from toolchain.failure import Failure


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SOUNDSTAGE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def program(directory: Path, name: str, prints: str) -> None:
    directory.mkdir(exist_ok=True)
    (directory / name).write_text(f"#!/bin/sh\necho {prints}\n")
    (directory / name).chmod(0o755)


def test_an_entry_is_built_once() -> None:
    built: list[Path] = []
    assert cache.entry("tools", "one", built.append) == cache.entry("tools", "one", built.append)
    assert len(built) == 1


def test_what_a_failed_build_left_is_made_anew(own_cache: Path) -> None:
    def fail(part: Path) -> None:
        (part / "half").touch()
        raise Failure("no network")

    with pytest.raises(Failure, match="no network"):
        cache.entry("tools", "one", fail)
    assert (own_cache / "tools/one/half").exists()
    cache.entry("tools", "one", lambda part: (part / "whole").touch())
    assert {path.name for path in (own_cache / "tools/one").iterdir()} == {"whole", ".complete"}


def test_a_key_changes_with_each_part_and_with_their_borders() -> None:
    keys = {cache.key_of("ab", "c"), cache.key_of("a", "bc"), cache.key_of("abc"), cache.key_of("ab", "d")}
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("printed", "version"), [("v3.259.0", (3, 259, 0)), ("go version go1.26 linux/amd64", (1, 26)), ("none", ())]
)
def test_a_version_is_read_from_what_a_tool_prints(printed: str, version: tuple[int, ...]) -> None:
    assert go_module.version_of(printed) == version


@pytest.mark.parametrize("version", ["v3.259.0", "v3.300.1"])
def test_a_pulumi_that_is_new_enough_is_used_where_it_is(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "pulumi", version)
    program(tmp_path / "bin", "pulumi-language-python", version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert go_tools.ensure() == tmp_path / "bin"


@pytest.mark.parametrize("version", ["v3.258.9", "v4.0.0"])
def test_any_other_pulumi_is_built_and_without_go_the_way_out_is_named(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "bin", "pulumi", version)
    program(tmp_path / "bin", "pulumi-language-python", version)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    with pytest.raises(Failure, match=r"Go 1\.26 or newer to build it is missing: install Pulumi 3\.259\.0 or newer"):
        go_tools.ensure()


def test_tools_of_the_cache_do_not_count_as_the_machine_s(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{own_cache}/tools/pulumi-1:/usr/bin:{own_cache}/prerequisites/x/bin")
    assert cache.path_of_the_machine() == "/usr/bin"


def test_who_is_not_root_is_told_so_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Failure) as refused:
        prerequisites.require_root()
    assert str(refused.value) == "the lab needs root (namespaces, a bridge, NAT): run it with sudo, or as root"


def test_a_server_for_hosts_is_built_for_their_architecture_and_linked_statically(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'if [ "$1" = version ]; then echo go1.26; else while [ "$1" != -o ]; do shift; done; env > "$2"; fi'
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").write_text(f"#!/bin/sh\n{script}\n")
    (tmp_path / "bin/go").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    one, other = livekit.livekit_server("x86_64"), livekit.livekit_server("aarch64")
    assert one != other
    assert one.parent.parent == own_cache / "tools"
    assert one.parent.name.startswith("livekit-server-1.13.5-amd64-")
    assert {"GOARCH=amd64", "GOOS=linux", "CGO_ENABLED=0"} < set(one.read_text().splitlines())
    assert "GOARCH=arm64" in other.read_text().splitlines()


def test_an_architecture_nobody_builds_for_is_refused_by_name() -> None:
    with pytest.raises(Failure, match="livekit-server is built for x86_64 and aarch64, not for riscv64"):
        livekit.livekit_server("riscv64")
