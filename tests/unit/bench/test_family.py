"""What a profile sees of a process and of those it started."""

from __future__ import annotations

import subprocess
import sys

from bench.clients.family import Family, cpu_seconds_below, now

BUSY = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}, 'the child'], check=True)"


def test_a_child_is_seen_with_its_parent_its_life_and_its_processor_time() -> None:
    begin = now()
    with subprocess.Popen([sys.executable, "-c", PARENT]) as root, Family(root.pid) as family:
        root.wait()
    child = family.find("-c", "the child")[-1]
    assert child.parent == root.pid
    assert begin - 0.05 <= family.seen[root.pid].begin <= child.begin < child.end <= now()
    assert 0.2 <= child.cpu_seconds <= 0.6
    assert family.find("no such word") == []


def test_the_time_of_a_child_that_ended_counts_for_whoever_waited_for_it() -> None:
    waits = f"{PARENT}; print('done', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as root:
        assert root.stdout is not None
        assert root.stdout.readline() == b"done\n"
        assert cpu_seconds_below({root.pid}) >= 0.3
        assert cpu_seconds_below(set()) == 0
        root.communicate()
