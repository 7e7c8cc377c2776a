"""One channel with many requests: every one is answered, and no end of the channel ends what it started."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pytest

from hostside.failure import Failure
from hostside.serve import Progress, Server

DEADLINE_SECONDS = 20.0


class Channel:
    """A server in a process of its own, reached through two pipes."""

    def __init__(self, directory: Path) -> None:
        requests, self._to = os.pipe()
        self._from, answers = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._to)
            os.close(self._from)
            try:
                Server(handle, str(directory), requests, answers).run({"program": "test"})
            finally:
                os._exit(0)
        os.close(requests)
        os.close(answers)
        self.answers: IO[str] = os.fdopen(self._from)

    def write(self, content: bytes) -> None:
        os.write(self._to, content)

    def send(self, *requests: Mapping[str, object]) -> None:
        self.write(b"".join(json.dumps(request).encode() + b"\n" for request in requests))

    def next(self) -> dict[str, object]:
        return json.loads(self.answers.readline())

    def close(self) -> None:
        if self._to >= 0:
            os.close(self._to)
            self._to = -1

    def end(self) -> None:
        """Ends the server if it is still there."""
        self.vanish()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)

    def vanish(self) -> None:
        """The connection is gone in both directions."""
        self.close()
        self.answers.close()


def handle(request: Mapping[str, object], progress: Progress) -> object:
    """What the test asks for: an echo, a failure, an error, an end, or work that goes on until it is let go."""
    what = request["what"]
    if what == "fail":
        raise Failure("verify", "no answer", "last words")
    if what == "break":
        raise KeyError("tango-whiskey-9")
    if what == "die":
        os.kill(os.getpid(), 9)
    if what == "work":
        place = Path(str(request["place"]))
        progress("begun")
        (place / "begun").touch()
        until(place / "go on")
        for step in range(2000):
            progress(f"step {step} " + "x" * 100)
        (place / "done").write_text(str(os.getsid(0) == os.getpid()))
    return {"echo": request.get("text")}


def until(path: Path) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} did not come"
        time.sleep(0.01)


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    channel = Channel(tmp_path / "events")
    assert channel.next() == {"hello": {"program": "test"}}
    yield channel
    channel.end()


def test_every_request_is_answered_by_its_number(channel: Channel, tmp_path: Path) -> None:
    channel.send(*({"id": number, "what": "echo", "text": "t" * 1000} for number in range(20)))
    answers = [channel.next() for _ in range(20)]
    assert {answer["id"] for answer in answers} == set(range(20))
    assert all(answer["result"] == {"echo": "t" * 1000} for answer in answers)
    channel.close()
    assert channel.answers.read() == ""
    os.waitpid(channel.pid, 0)
    assert not (tmp_path / "events").exists(), "event files stayed"


def test_a_failure_is_told_with_its_step_and_journal(channel: Channel) -> None:
    channel.send({"id": 1, "what": "fail"})
    assert channel.next() == {"id": 1, "error": {"step": "verify", "message": "no answer", "journal": "last words"}}


def test_an_unexpected_error_says_where_and_no_content(channel: Channel) -> None:
    channel.send({"id": 1, "what": "break"})
    answer = json.dumps(channel.next())
    assert '"message": "KeyError (test_serve.py:' in answer
    assert "tango" not in answer


def test_a_request_whose_process_dies_is_answered(channel: Channel) -> None:
    channel.send({"id": 1, "what": "die"}, {"id": 2, "what": "echo"})
    answers = {answer["id"]: answer for answer in (channel.next(), channel.next())}
    assert "ended without an answer" in str(answers[1]["error"])
    assert answers[2]["result"] == {"echo": None}


def test_a_line_that_is_no_request_is_refused_and_the_channel_goes_on(channel: Channel) -> None:
    channel.write(b"what\n[1]\n\n")
    assert [channel.next()["error"], channel.next()["error"]] == [
        {"step": "request", "message": "a line is no JSON object", "journal": ""}
    ] * 2
    channel.send({"id": 3, "what": "echo"})
    assert channel.next()["id"] == 3


def test_progress_comes_while_the_work_goes_on(channel: Channel, tmp_path: Path) -> None:
    channel.send({"id": 1, "what": "work", "place": str(tmp_path)})
    assert channel.next() == {"progress": "begun", "id": 1}
    channel.send({"id": 2, "what": "echo"})
    assert channel.next()["id"] == 2
    (tmp_path / "go on").touch()
    lines = [channel.next() for _ in range(2001)]
    assert lines[0]["progress"] == "step 0 " + "x" * 100
    assert lines[-1] == {"result": {"echo": None}, "id": 1}


@pytest.mark.parametrize("killed", [False, True], ids=["connection gone", "server killed"])
def test_the_death_of_the_controller_does_not_stop_the_work(channel: Channel, tmp_path: Path, killed: bool) -> None:
    channel.send({"id": 1, "what": "work", "place": str(tmp_path)})
    until(tmp_path / "begun")
    channel.vanish()
    if killed:
        os.kill(channel.pid, 9)
    (tmp_path / "go on").touch()
    until(tmp_path / "done")
    assert (tmp_path / "done").read_text() == "True", "the work runs in a session of its own"


def test_what_a_dead_connection_left_is_swept_by_the_next_one(tmp_path: Path) -> None:
    events = tmp_path / "events"
    events.mkdir()
    (events / "999999999-1.events").write_text("")
    (events / f"{os.getpid()}-1.events").write_text("")
    channel = Channel(events)
    channel.next()
    assert [path.name for path in events.iterdir()] == [f"{os.getpid()}-1.events"]
    channel.end()


def test_the_packed_program_says_hello_and_answers(tmp_path: Path) -> None:
    from hostside.bundle import build

    bundle = build()
    program = tmp_path / "program.pyz"
    program.write_bytes(bundle.content)
    done = subprocess.run(
        [sys.executable, "-I", str(program), "serve"],
        input=json.dumps({"id": 1, "op": "facts"}) + "\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=DEADLINE_SECONDS,
    )
    hello, answer = (json.loads(line) for line in done.stdout.splitlines())
    assert hello["hello"]["program"] == bundle.name
    assert answer["result"]["cpus"] >= 1
    assert done.stderr == ""
