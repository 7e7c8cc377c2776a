"""The store and its file: what was acknowledged is there, in order, whatever happened to the process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from kv_store.lock import BusyError, exclusive
from kv_store.record import MAX_KEY_BYTES, MAX_VALUE_BYTES, Record, RefusedError, decode, encode
from kv_store.store import FullError, Store

from tests.unit.apps.conftest import APPS

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_KEY = _TEXT.filter(bool)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "storage.json"


def test_values_append_in_order_and_keys_do_not_mix(file: Path) -> None:
    store = Store(file)
    assert store.append("colour", "red") == 1
    assert store.append("shape", "round") == 1
    assert store.append("colour", "green") == 2
    assert store.append("colour", "red") == 3
    assert store.get("colour") == ["red", "green", "red"]
    assert store.get("shape") == ["round"]
    assert store.get("size") == []


def test_a_line_of_the_file_is_a_checksum_and_a_list() -> None:
    assert encode(Record("a", "b\n")) == b'5b8a260c ["a","b\\n"]\n'


@given(_KEY, _TEXT)
def test_a_record_survives_its_encoding_in_a_single_line(key: str, value: str) -> None:
    line = encode(Record(key, value))
    assert line.count(b"\n") == 1
    assert decode(line) == Record(key, value)


@given(_KEY, _TEXT, st.data())
def test_a_line_with_any_other_byte_in_it_is_known_as_damaged(key: str, value: str, data: st.DataObject) -> None:
    line = bytearray(encode(Record(key, value)))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))
    assert decode(bytes(line)) is None


def test_a_file_cut_at_any_byte_keeps_every_whole_record_and_takes_new_ones(file: Path) -> None:
    lines = [encode(Record("k", value)) for value in ("one", "two, too", "drei\r\n", "四")]
    values = ["one", "two, too", "drei\r\n", "四"]
    whole = b"".join(lines)
    ends = [sum(map(len, lines[:count])) for count in range(5)]
    for cut in range(len(whole) + 1):
        file.write_bytes(whole[:cut])
        kept = [value for value, end in zip(values, ends[1:], strict=True) if end <= cut]
        store = Store(file)
        assert store.get("k") == kept
        store.append("k", "new")
        assert store.get("k") == [*kept, "new"]
        assert Store(file).get("k") == [*kept, "new"]
        assert store.damaged_lines == 0


def test_a_damaged_line_in_the_middle_is_skipped_counted_and_never_removed(file: Path) -> None:
    damaged = encode(Record("k", "two")).replace(b"two", b"owt")
    file.write_bytes(encode(Record("k", "one")) + damaged + b"\0\0\n" + encode(Record("k", "three")))
    store = Store(file)
    assert store.get("k") == ["one", "three"]
    assert store.damaged_lines == 2
    store.append("k", "four")
    assert damaged in file.read_bytes()
    assert Store(file).get("k") == ["one", "three", "four"]


def test_another_process_writing_to_the_same_file_is_seen(file: Path) -> None:
    first, second = Store(file), Store(file)
    first.append("k", "from the first")
    assert second.get("k") == ["from the first"]
    second.append("k", "from the second")
    assert first.get("k") == ["from the first", "from the second"]


def test_a_file_that_was_put_back_or_removed_is_read_anew(file: Path) -> None:
    store = Store(file)
    store.append("k", "old")
    backup = file.with_name("backup")
    backup.write_bytes(encode(Record("k", "abc")))
    os.replace(backup, file)
    assert store.get("k") == ["abc"]
    file.unlink()
    assert store.get("k") == []
    assert store.append("k", "new") == 1


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("", "v", "the key is empty"),
        ("k" * (MAX_KEY_BYTES + 1), "v", "the key has 1025 bytes, at most 1024 are allowed"),
        ("k", "ä" * (MAX_VALUE_BYTES // 2 + 1), "the value has 262146 bytes, at most 262144 are allowed"),
        ("k", "\ud800", "the value is not valid Unicode text"),
    ],
)
def test_what_cannot_be_stored_is_refused_and_leaves_no_trace(file: Path, key: str, value: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        Store(file).append(key, value)
    assert not file.exists()


def test_a_full_store_refuses_and_stays_as_it_is(file: Path) -> None:
    store = Store(file, max_bytes=50)
    store.append("k", "first")
    before = file.read_bytes()
    with pytest.raises(FullError):
        store.append("k", "a value that does not fit any more")
    assert file.read_bytes() == before
    assert store.get("k") == ["first"]


def test_a_write_that_the_disk_refuses_is_not_acknowledged_and_not_found_later(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(file)
    store.append("k", "first")

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(OSError, match="No space left"):
            store.append("k", "lost")
    assert Store(file).get("k") == ["first"]
    assert store.append("k", "second") == 2
    assert Store(file).get("k") == ["first", "second"]


def test_an_append_syncs_the_file_after_the_write_and_a_new_name_before_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(f"{place.name} {file.stat().st_size}" if place == file else "directory")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    store = Store(file)
    store.append("k", "one")
    store.append("k", "two")
    assert synced == ["directory", "storage.json 21", "storage.json 42"]


def test_a_lock_held_by_somebody_else_ends_in_busy_at_the_deadline(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with exclusive(path, 1), pytest.raises(BusyError, match="held by another process"), exclusive(path, 0.02):
        pytest.fail("two held the lock")
    with exclusive(path, 0.02):
        pass


def _append_many(path: Path, name: str, count: int) -> None:
    store = Store(path)
    for number in range(count):
        store.append("k", f"{name}{number}")


def test_four_writers_at_once_lose_nothing_and_keep_their_own_order(file: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(file, name, 100)) for name in "abcd"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    values = Store(file).get("k")
    assert [writer.exitcode for writer in writers] == [0, 0, 0, 0]
    assert len(values) == 400
    for name in "abcd":
        assert [value for value in values if value[0] == name] == [f"{name}{number}" for number in range(100)]


_ENDLESS_WRITER = """
import sys
from pathlib import Path
from kv_store.store import Store
store, number = Store(Path(sys.argv[1])), int(sys.argv[2])
while True:
    store.append("k", str(number).zfill(4000))
    print(number, flush=True)
    number += 1
"""


def test_a_writer_killed_at_any_moment_loses_nothing_that_it_acknowledged(file: Path) -> None:
    following = 0
    for round_number in range(12):
        with subprocess.Popen(
            [sys.executable, "-c", _ENDLESS_WRITER, str(file), str(following)],
            cwd=APPS / "kv_store",
            stdout=subprocess.PIPE,
            text=True,
        ) as writer:
            assert writer.stdout is not None
            acknowledged = [int(writer.stdout.readline()) for _ in range(3 + round_number)]
            writer.send_signal(signal.SIGKILL)
            acknowledged += [int(line) for line in writer.stdout.read().splitlines()]
        values = [int(value) for value in Store(file).get("k")]
        assert values == list(range(len(values)))
        # One write may have reached the disk without its acknowledgement reaching us.
        assert acknowledged[-1] + 1 <= len(values) <= acknowledged[-1] + 2
        following = len(values)


class StoreLife(RuleBasedStateMachine):
    """Two processes' stores over one file, restarts, and torn writes, against a plain dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name) / "storage.json"
        self.stores = [Store(self.file), Store(self.file)]
        self.model: dict[str, list[str]] = {}

    @rule(which=st.integers(0, 1), key=_KEY, value=_TEXT)
    def append(self, which: int, key: str, value: str) -> None:
        self.stores[which].append(key, value)
        self.model.setdefault(key, []).append(value)

    @rule(which=st.integers(0, 1))
    def restart(self, which: int) -> None:
        self.stores[which] = Store(self.file)

    @rule(key=_KEY, value=_TEXT, data=st.data())
    def die_while_writing(self, key: str, value: str, data: st.DataObject) -> None:
        line = encode(Record(key, value))
        with self.file.open("ab") as file:
            if file.tell() == sum(len(encode(Record(k, v))) for k, values in self.model.items() for v in values):
                file.write(line[: data.draw(st.integers(0, len(line) - 1))])

    @invariant()
    def every_store_agrees_with_the_model(self) -> None:
        for store in self.stores:
            assert {key: store.get(key) for key in self.model} == self.model

    def teardown(self) -> None:
        self.folder.cleanup()


TestStoreLife = StoreLife.TestCase
TestStoreLife.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
