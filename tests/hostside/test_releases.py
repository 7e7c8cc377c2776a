"""Artifacts: releases named by content, switched by a link, the one before kept for the way back."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from hostside.contract import role_of
from hostside.failure import Failure
from hostside.packages import Packages
from hostside.releases import Incoming, missing
from hostside.removal import remove
from hostside.transaction import Apply
from hostside.trees import BadArchive, tree_digest, unpack
from tests.hostside.world import World, run_apply

PATH = "/opt/soundstage/web"


def tree(place: Path, text: str) -> Path:
    """A small application."""
    (place / "web").mkdir(parents=True)
    (place / "web/__main__.py").write_text(text)
    (place / "web/run").write_text("#!/bin/sh\n")
    (place / "web/run").chmod(0o755)
    return place


def packed(place: Path, target: Path) -> Incoming:
    with tarfile.open(target, "w:gz") as archive:
        archive.add(place, ".")
    return Incoming(str(target), hashlib.sha256(target.read_bytes()).hexdigest())


def release(world: World, memory: Path, text: str) -> tuple[dict[str, object], dict[str, Incoming]]:
    """The role with a release of `text`, and what the controller sent for it (paths are the host's)."""
    source = tree(memory / f"source-{text}", text)
    sent = packed(source, world.path("/run") / f"{text}.tar.gz")
    role: dict[str, object] = {
        "name": "web",
        "artifacts": {PATH: {"sha256": tree_digest(str(source)), "source": "apps/web"}},
    }
    return role, {PATH: Incoming(f"/run/{text}.tar.gz", sent.sha256)}


def apply(world: World, role: Mapping[str, object], incoming: Mapping[str, Incoming]) -> dict[str, object]:
    return Apply(world.machine(), role_of(role), Packages(), lambda _: None, incoming=incoming).answer()


def test_the_digest_of_a_tree_is_that_of_the_contract(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/x").write_text("x\n")
    (tmp_path / "a").write_text("")
    (tmp_path / "a").chmod(0o700)
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/no").write_text("no")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    x = "73cb3858a687a8494ca3323053016282f3dad39d42cf62ca4e79dda2aac7d9ac"
    lines = f"a\0000755\0{empty}\nb/x\0000644\0{x}\n"
    assert tree_digest(str(tmp_path)) == hashlib.sha256(lines.encode()).hexdigest()


def test_a_release_is_unpacked_and_reached_through_its_link(world: World, memory: Path) -> None:
    role, incoming = release(world, memory, "one")
    result = apply(world, role, incoming)
    assert world.path(f"{PATH}/web/__main__.py").read_text() == "one"
    assert result["changed"] == [f"artifact {PATH}"]
    assert str(world.path(PATH).readlink()).startswith(".releases/web-")
    assert not world.path("/run/one.tar.gz").exists()
    world.effects.clear()
    assert apply(world, role, {})["changed"] == []
    assert world.effects == []


def test_the_previous_release_stays_and_older_ones_go(world: World, memory: Path) -> None:
    for text in ("one", "two", "three"):
        apply(world, *release(world, memory, text))
    contents = {(path / "web/__main__.py").read_text() for path in world.path("/opt/soundstage/.releases").iterdir()}
    assert contents == {"two", "three"}


def test_a_release_on_the_host_is_not_missing_until_somebody_touches_it(world: World, memory: Path) -> None:
    role, incoming = release(world, memory, "one")
    sha256 = role_of(role).artifacts[PATH].sha256
    assert missing(world.machine(), {PATH: sha256}, {}) == [PATH]
    apply(world, role, incoming)
    assert missing(world.machine(), {PATH: sha256}, {}) == []
    world.path(f"{PATH}/web/__main__.py").write_text("hacked")
    assert missing(world.machine(), {PATH: sha256}, {}) == [PATH]


def test_a_release_that_somebody_changed_is_drift_and_is_put_right(world: World, memory: Path) -> None:
    role, incoming = release(world, memory, "one")
    apply(world, role, incoming)
    world.path(f"{PATH}/web/__main__.py").write_text("hacked")
    with pytest.raises(Failure, match="was not sent"):
        run_apply(world, role)
    sent = packed(memory / "source-one", world.path("/run/again.tar.gz"))
    apply(world, role, {PATH: Incoming("/run/again.tar.gz", sent.sha256)})
    assert world.path(f"{PATH}/web/__main__.py").read_text() == "one"


def test_removal_takes_every_release(world: World, memory: Path) -> None:
    before = world.picture()
    apply(world, *release(world, memory, "one"))
    remove(world.machine(), Packages(), "web", lambda _: None)
    assert world.differs_from(before) == {}


def test_a_release_with_another_content_is_refused(world: World, memory: Path) -> None:
    before = world.picture()
    role, _ = release(world, memory, "one")
    _, other = release(world, memory, "two")
    with pytest.raises(Failure, match="another content than its sha256 says"):
        apply(world, role, other)
    assert world.differs_from(before) == {}


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd"])
def test_an_archive_never_writes_outside_its_release(tmp_path: Path, name: str) -> None:
    archive = tmp_path / "bad.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo(name)
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(BadArchive):
        unpack(str(archive), str(tmp_path / "release"), "bad")
    assert not (tmp_path / "outside").exists()


def test_a_link_out_of_the_release_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bad.tar"
    with tarfile.open(archive, "w") as tar:
        member = tarfile.TarInfo("link")
        member.type, member.linkname = tarfile.SYMTYPE, "../../etc"
        tar.addfile(member)
    with pytest.raises(BadArchive):
        unpack(str(archive), str(tmp_path / "release"), "bad")
