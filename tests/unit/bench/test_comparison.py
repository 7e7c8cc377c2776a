"""Tables, charts and checks of the figures beside peers."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import cast

import pytest

from bench import chart, checker, result
from bench.comparison import Measured, Tool, cost, in_turns, seconds
from bench.fleet import items
from bench.hosts import LabHosts
from bench.peers.ansible import Ansible
from bench.peers.given import Given, write
from bench.peers.pyinfra import Pyinfra
from bench.result import Result
from bench.stack import Run

SERIES = {"ours": (2.0, 2.2, 2.1), "a & b": (9.5, 11.0, 10.5)}
RECAP = "fleet1                     : ok=10   changed=2    unreachable=0\nfleet2 : ok=9  changed=1    unreachable=0\n"
TOTALS = "    Grand total                   95      {changed}         -       90 \n"


@dataclass
class Named:
    name: str
    runs: list[str]

    def apply(self, revision: Mapping[str, int]) -> Run:
        self.runs.append(self.name)
        return Run(float(len(self.runs)), 0, "", 0.5)

    def changes(self, run: Run) -> int:
        return 0


def measured(tool: Tool) -> Measured:
    return Measured(tool.apply({}), 5, 5 * 2048)


def given(directory: Path) -> Given:
    return Given(directory, {"fleet1": "10.0.0.1"}, Path("/key"), Path("/known_hosts"))


def test_tools_take_turns_so_that_all_meet_the_same_machine() -> None:
    runs: list[str] = []
    tools = [Named("ours", runs), Named("Ansible", runs)]
    found = in_turns(tools, measured)
    assert runs == ["ours", "Ansible"] * 3
    assert seconds(found) == {"ours": (1, 3, 5), "Ansible": (2, 4, 6)}
    assert cost(found, 5)[0] == "ours: 0.5 s of the controller's processors, 1 login(s) and 2 KiB a host"


def test_the_table_has_median_spread_and_how_many_times_ours() -> None:
    text = Result("X1", "a figure", "s", 2.1, "<= 3 s", met=True, series=SERIES, peers={"a & b": 10.5}).text()
    assert [line.split() for line in text.splitlines()[2:]] == [
        ["ours", "2.1", "s", "2", "-", "2.2", "3", "1.0"],
        ["a", "&", "b", "10.5", "s", "9.5", "-", "11", "3", "5.0"],
    ]


def test_a_comparison_is_kept_with_a_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(result, "RESULTS", tmp_path)
    path = Result("X1", "a figure", "s", 2.1, "<= 3 s", met=True, series=SERIES).save()
    assert json.loads(path.read_text())["series"] == {"ours": [2.0, 2.2, 2.1], "a & b": [9.5, 11.0, 10.5]}
    assert ET.fromstring(path.with_suffix(".svg").read_text()).tag.endswith("svg")


def test_bars_are_as_long_as_their_medians() -> None:
    svg = ET.fromstring(chart.bars("title", "s", SERIES))
    widths = [float(bar.attrib["width"]) for bar in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths[1] / widths[0] == pytest.approx(5, rel=0.01)
    assert [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")][1::2] == ["ours", "a & b"]


def test_every_tool_is_asked_what_it_changed(tmp_path: Path) -> None:
    assert Ansible(given(tmp_path), mitogen=True).changes(Run(1, 0, RECAP)) == 3
    assert Pyinfra(given(tmp_path)).changes(Run(1, 0, TOTALS.format(changed="5"))) == 5
    assert Pyinfra(given(tmp_path)).changes(Run(1, 0, TOTALS.format(changed="-"))) == 0


def test_the_peers_are_given_every_file_with_its_content(tmp_path: Path) -> None:
    write(given(tmp_path / "peers"))
    tree = tmp_path / "peers" / "tree"
    for number in range(items.PARTS):
        for path, content in items.part(number, 0).files.items():
            if path == items.CHANGING:
                template = (tmp_path / "peers" / "changing.conf.j2").read_text()
                assert template.replace("{{ revision }}", "0") == content
            else:
                assert Path(f"{tree}{path}").read_text() == content
    lists = json.loads((tmp_path / "peers" / "items.json").read_text())
    assert [len(lists[key]) for key in ("packages", "users", "services")] == [5, 2, 3]


@dataclass
class Host:
    """A host as the checker asks it: right in everything, but for what a test changes."""

    instead: dict[str, str] = field(default_factory=dict[str, str])

    def try_run(self, name: str, *argv: str) -> CompletedProcess[str]:
        return CompletedProcess(argv, 0, self.instead.get(argv[0], self._right(argv)))

    def _right(self, argv: tuple[str, ...]) -> str:
        contents = {path: text for number in range(items.PARTS) for path, text in items.part(number, 0).files.items()}
        match argv[0]:
            case "sha256sum":
                return "".join(f"{checker.sha256(contents[path].encode()).hexdigest()}  {path}\n" for path in argv[2:])
            case "stat":
                return "".join(f"{path} 644 root root\n" for path in argv[3:])
            case "dpkg-query":
                return "".join(f"{package} install ok installed\n" for package in argv[3:])
            case "systemctl":
                return "\n".join(f"Id={unit}\nActiveState=active\nUnitFileState=enabled\n" for unit in argv[3:])
            case _:
                return "".join(f"{user}:x:999:999::/nonexistent:/usr/sbin/nologin\n" for user in argv[2:])


def found(host: Host) -> list[str]:
    return checker.problems(cast("LabHosts", host), ["fleet1"], {})


def test_the_checker_finds_nothing_on_a_host_that_is_right() -> None:
    assert found(Host()) == []


@pytest.mark.parametrize(
    ("command", "answer", "problem"),
    [
        ("sha256sum", "", "/etc/bench/part-0/file-0.conf is missing"),
        ("sha256sum", f"{'0' * 64}  /etc/bench/part-0/file-0.conf\n", "/etc/bench/part-0/file-0.conf is another"),
        ("stat", "/etc/bench/part-0/file-0.conf 600 root root\n", "is 600 root root, not 644 root root"),
        ("dpkg-query", "curl deinstall ok config-files\n", "curl is 'deinstall ok config-files'"),
        ("systemctl", "Id=bench-0.service\nActiveState=failed\nUnitFileState=enabled\n", "bench-0.service is"),
        ("getent", "", "the user bench0 has None"),
    ],
    ids=["file gone", "other content", "mode", "package", "service", "user"],
)
def test_the_checker_finds_every_kind_of_item_that_is_wrong(command: str, answer: str, problem: str) -> None:
    assert any(problem in each for each in found(Host({command: answer})))
