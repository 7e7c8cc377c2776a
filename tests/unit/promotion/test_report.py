"""The comment on a pull request: what a reviewer sees, and what nobody may see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from promotion import digest, fingerprint, lines, notices, report, verify
from promotion.digest import Digest
from promotion.notices import UNNOTICED
from tests.unit.promotion.world import SECRET, Json, changed, found, of_host, printed, role, says, urn

HERE = Path(__file__).parent
ROLES = HERE.parent / "roles" / "golden"
RELOAD = "edge1 haproxy: haproxy.cfg changes → reload, connections kept"


def comment(of: Digest, limit: int = report.LIMIT) -> str:
    return report.of_preview(of, fingerprint.of(of), limit=limit)


@pytest.mark.parametrize("name", sorted(path.stem for path in (HERE / "digests").glob("*.json")))
def test_the_comment_of_a_real_change_is_the_one_that_was_agreed_on(name: str, tmp_path: Path) -> None:
    golden, actual = HERE / "golden" / f"{name}.md", tmp_path / f"{name}.md"
    actual.write_text(comment(digest.read("lab", (HERE / "digests" / f"{name}.json").read_text())))
    assert actual.read_text() == golden.read_text(), f"if this is meant: cp {actual} {golden}"


@pytest.mark.parametrize("golden", sorted((HERE / "golden").glob("*.md")), ids=lambda path: path.stem)
def test_the_first_page_is_read_in_ten_seconds(golden: Path) -> None:
    first_page = golden.read_text().partition("<details>")[0]
    words = [word for word in first_page.split() if any(letter.isalpha() for letter in word)]
    # 250 words a minute is how fast people read; a table is not read word by word.
    assert len(words) <= 60
    assert len(first_page.splitlines()) <= 28


def test_hosts_that_change_alike_are_one_line_and_one_diff() -> None:
    one, two, other = changed("edge1"), changed("edge2"), changed("edge3", content="something else\n")
    messages = [
        says(step, RELOAD.replace("edge1", host)) for host, step in zip(("edge1", "edge2"), (one, two), strict=True)
    ]
    messages.append(says(other, "edge3 haproxy: haproxy.cfg changes → restart, every connection ends"))
    text = comment(digest.read("lab", printed([other, two, one], messages)))
    assert "- **edge1, edge2** haproxy: reload, connections kept (haproxy.cfg changes)" in text
    assert text.index("**edge3** haproxy: restart") < text.index("**edge1, edge2** haproxy: reload")
    assert "Nothing restarts." not in text
    assert text.count("```diff") == 2
    assert "**edge1, edge2 haproxy: /etc/haproxy.cfg**\n```diff\n-old\n+new\n```" in text


@pytest.mark.parametrize(
    ("effect", "noticed", "closing"),
    [
        ("reload, connections kept", True, "Nothing restarts."),
        ("restart, every connection ends", True, ""),
        ("reload nftables; restart haproxy, one by one and drained first", True, ""),
        ("restart left to the rollout", False, "Nothing restarts."),
        ("restart apt-daily.timer, nobody notices", False, "Only what nobody notices restarts."),
        ("restart a, nobody notices; restart b, open connections end", True, ""),
        ("reload b; restart a, nobody notices", True, "Only what nobody notices restarts."),
        ("its units are started, or restarted once", True, ""),
        ("no reload, no restart", False, "Nothing restarts."),
    ],
)
def test_what_listeners_notice_stands_apart_from_what_they_do_not(effect: str, noticed: bool, closing: str) -> None:
    step = changed("edge1")
    text = comment(digest.read("lab", printed([step], [says(step, f"edge1 haproxy: x.cfg changes → {effect}")])))
    before, _, after = text.partition("Besides:")
    assert (f"haproxy: {effect}" in before) == noticed
    assert (f"haproxy: {effect}" in after) != noticed
    assert [line for line in text.splitlines() if "restarts." in line] == ([closing] if closing else [])


def test_the_words_for_what_nobody_notices_are_those_of_the_roles() -> None:
    said = "".join(path.read_text() for path in ROLES.glob("*/role.json"))
    assert [words for words in UNNOTICED if words not in said] == []


def test_a_host_that_comes_or_goes_is_one_line() -> None:
    new: Json = {"op": "create", "urn": urn("web-app3"), "newState": _state(role("app3", "web-server"))}
    gone: Json = {"op": "delete", "urn": urn("web-app2"), "oldState": _state(role("app2", "web-server"))}
    steps = [of_host("app3", "create"), new, of_host("app2", "delete"), gone]
    told = [says(new, "app3 web-server: new: 1 file, starts web-server.service")]
    text = comment(digest.read("lab", printed(steps, told)))
    assert "## lab: 1 new, 1 to remove" in text
    assert "- **app2**: taken out, with web-server; stops web-server\n" in text
    assert "- **app3**: new, with web-server; starts web-server\n" in text
    assert "| app3 | 1 |  |" in text
    assert "+mode 0644, root:root\n+old" in text
    assert "-/etc/web-server.cfg\n-unit web-server.service" in text


def test_a_role_that_goes_says_what_stops_although_the_engine_asks_nobody_about_it() -> None:
    gone: Json = {"op": "delete", "urn": urn("x"), "oldState": _state(role("app2", "kv-store"))}
    text = comment(digest.read("lab", printed([gone])))
    assert "- **app2** kv-store: removed: stops kv-store.service, 1 file" in text


def test_a_replacement_is_told_once() -> None:
    moved = {**changed("edge2"), "op": "replace", "detailedDiff": {"host": {"kind": "update-replace"}}}
    parts = [{**moved, "op": "delete-replaced"}, {**moved, "op": "create-replacement"}]
    text = comment(
        digest.read("lab", printed([parts[0], moved, parts[1]], [says(moved, "edge2 haproxy: new: 1 file")]))
    )
    assert "## lab: 1 to replace" in text
    assert text.count("**edge2** haproxy: taken away and made anew: new: 1 file") == 1
    assert "Nothing restarts." not in text


def test_a_service_that_stops_is_noticed_although_nothing_reloads_or_restarts() -> None:
    step = changed("edge1")
    message = "edge1 haproxy: haproxy.cfg is removed, stops haproxy.service → no reload, no restart"
    text = comment(digest.read("lab", printed([step], [says(step, message)])))
    assert (
        "**What listeners notice**\n\n- **edge1** haproxy: no reload, no restart (haproxy.cfg is removed, stops" in text
    )
    assert "Nothing restarts." not in text


def test_a_preview_that_failed_shows_why_and_no_changes() -> None:
    error = {"message": "error: Pulumi.lab.yaml has one problem\n  `x`: got 1\n", "severity": "error"}
    added = {"message": "error: an unhandled error occurred: program exited with code 1", "severity": "error"}
    text = comment(digest.read("lab", printed([changed("edge1")], [error, added])))
    assert "## lab: the preview failed" in text
    assert "```\nPulumi.lab.yaml has one problem\n  `x`: got 1\n```" in text
    assert "edge1" not in text


def test_what_a_preview_cannot_know_or_show_is_said_in_words() -> None:
    unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    step = changed("edge1", content=f"user {unknown}\n", old={**SECRET, "ciphertext": "[secret]"})
    text = comment(digest.read("lab", printed([step])))
    assert "-[secret]\n+user (known after apply)" in text


def test_a_secret_that_changes_is_a_difference_although_both_sides_look_alike() -> None:
    step = changed("edge1", content={**SECRET, "ciphertext": "[secret]"}, old={**SECRET, "ciphertext": "[secret]"})
    assert "-[secret]\n+[secret]" in comment(digest.read("lab", printed([step])))


CANARIES = ("canary-in-a-file", "canary-in-the-environment", "canary-in-a-message", "canary-in-an-error")


def test_no_canary_secret_is_in_anything_that_is_written_or_printed() -> None:
    environment = {"PULUMI_CONFIG_PASSPHRASE": CANARIES[1], "AWS_SECRET_ACCESS_KEY": f"{CANARIES[2]}\n{CANARIES[3]}"}
    hidden = {**SECRET, "plaintext": json.dumps(f"password {CANARIES[0]}")}
    step = changed("edge1", content=hidden, old=f"passphrase {CANARIES[1]}\n")
    messages = [
        says(step, f"edge1 haproxy: {CANARIES[2]} changes → reload"),
        {"message": f"warning: {CANARIES[1]}", "severity": "warning"},
    ]
    failed = {"message": f"error: {CANARIES[3]}", "severity": "error"}
    good = digest.read("lab", printed([step], messages), environment)
    bad = digest.read("lab", printed([step], [*messages, failed]), environment)
    issues = [report.of_drift(of, verify.verdict(of).notes) for of in (good, bad)]
    texts = [*(each for of in (good, bad) for each in (comment(of), report.in_full(of))), *issues]
    texts += [report.in_short(good), report.in_short(bad)]
    assert [canary for canary in CANARIES if any(canary in text for text in texts)] == []
    assert "passphrase [secret]" in texts[0]


def test_a_comment_never_holds_more_than_github_takes_and_names_what_it_left_out() -> None:
    big = "".join(f"line {number} of a long file\n" for number in range(500))
    steps = [changed(f"host{number:03}", content=f"{number}\n{big}") for number in range(60)]
    whole = digest.read("lab", printed(steps))
    text = comment(whole)
    assert len(text) < 65_536
    assert "Left out, because a comment holds no more: host" in text
    assert "The artefact of this run has all of it." in text
    assert text.index("</details>") < text.index("Left out") < text.index("fingerprint")
    full = report.in_full(whole)
    assert len(full) > 65_536
    assert all(f"host{number:03}" in full for number in range(60))


@pytest.mark.parametrize("limit", [400, 2_000, 10_000])
def test_the_bound_holds_whatever_it_is(limit: int) -> None:
    steps = [changed(f"host{number}", content=f"{number}\n" * 50) for number in range(200)]
    assert len(comment(digest.read("lab", printed(steps)), limit)) <= limit
    assert len(report.of_drift(digest.read("lab", printed(steps)), limit=limit)) <= limit


def test_a_long_list_of_hosts_ends_with_how_many_there_are() -> None:
    steps = [changed(f"host{number:03}") for number in range(120)]
    text = comment(digest.read("lab", printed(steps)))
    assert "and 81 more" in text
    assert "and 80 more hosts" in text


def test_a_file_cannot_break_out_of_its_block() -> None:
    evil = "```\n</details>\n@everybody look\n````\n"
    text = comment(digest.read("lab", printed([changed("edge1", content=evil)])))
    assert "`````diff\n" in text
    assert text.count("`````") == 2


def test_a_message_cannot_format_link_or_mention() -> None:
    step = changed("edge1")
    message = "edge1 haproxy: <img src=x> @somebody #12 **bold** web@8001.service max_conn_x → reload"
    text = comment(digest.read("lab", printed([step], [says(step, message)])))
    line = next(line for line in text.splitlines() if "somebody" in line)
    assert "&lt;img src=x&gt; &#64;somebody &#35;12 \\*\\*bold\\*\\* web@8001.service max_conn_x" in line


def test_drift_is_told_with_the_lines_that_differ_and_what_does_not_answer() -> None:
    drifted = {**changed("edge1"), "newState": _state(role("edge1", content="by hand\n"))}
    silent = says(found("app1"), "warning: app1 web-server: probe http://x/: Connection refused", "warning")
    of = digest.read("prod", printed([drifted], [silent]))
    text = report.of_drift(of, verify.verdict(of).notes)
    assert text.startswith("<!-- soundstage drift prod -->\n")
    assert "-old\n+by hand" in text
    assert "app1 web-server: probe http://x/: Connection refused" in text
    assert "make up STACK=prod" in text


def test_texts_that_differ_only_where_nobody_sees_it_say_so() -> None:
    told = lines.of(digest.read("lab", printed([changed("edge1", content="old", old="old\n")])))
    assert told[0].text == (" (the same words: only line ends or defaults differ)",)


def test_resources_that_are_no_role_are_told_by_name() -> None:
    password: Json = {
        "op": "update",
        "urn": urn("statistics", "soundstage:secret:Password"),
        "oldState": {"type": "soundstage:secret:Password", "custom": True, "outputs": {"generation": 1}},
        "newState": {"type": "soundstage:secret:Password", "custom": True, "inputs": {"generation": 2}},
        "detailedDiff": {"generation": {"kind": "update"}},
    }
    of = digest.read("lab", printed([password]))
    assert "**Listeners notice nothing**" in comment(of)
    assert [notice.text for notice in notices.of(of)] == ["password: generation changes"]
    assert "**statistics: generation**\n```diff\n-1\n+2\n```" in comment(of)


def _state(outputs: Json) -> Json:
    return {"type": "soundstage:host:Role", "custom": True, "outputs": outputs}
