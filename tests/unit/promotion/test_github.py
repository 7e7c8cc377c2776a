"""The calls to GitHub, against a server that keeps what it is told and serves what it has."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import cast
from urllib.parse import parse_qs, urlsplit

import pytest

from promotion import __main__ as commands
from promotion import digest, report, review
from promotion.github import Repository
from tests.unit.promotion.fake_pulumi import FakePulumi
from tests.unit.promotion.world import changed, found, printed
from toolchain.failure import Failure

TOKEN = "canary-token"
HEAD = "b" * 40
Json = dict[str, object]


class Server(ThreadingHTTPServer):
    """One repository: comments of pull request 7, issues, artefacts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: list[Json] = []
        self.issues: list[Json] = []
        self.artefacts: list[Json] = []
        self.pulls: list[Json] = []
        self.zips: dict[str, bytes] = {}
        self.writes: list[str] = []
        self.tokens_at_storage: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """GitHub's own rules: a token, pages, artefacts by redirect to another host."""

    def do_GET(self) -> None:
        at = urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(at.query).items()}
        if at.path.startswith("/storage/"):
            self.world.tokens_at_storage.append(self.headers.get("Authorization"))
            return self._send(200, self.world.zips[at.path.removeprefix("/storage/")])
        if self.headers["Authorization"] != f"Bearer {TOKEN}":
            return self._answer(401, {"message": "Bad credentials"})
        path = at.path.removeprefix("/repos/us/platform/")
        if path.startswith("actions/artifacts/"):
            return self._redirect(path.split("/")[2])
        return self._answer(200, self._found(path, query))

    def _redirect(self, artefact: str) -> None:
        self.send_response(302)
        # The same server under another name: another host to a client.
        self.send_header("Location", f"{self.world.url.replace('127.0.0.1', 'localhost')}/storage/{artefact}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _found(self, path: str, query: Mapping[str, str]) -> object:
        if path == "actions/artifacts":
            return {"artifacts": [each for each in self.world.artefacts if each["name"] == query["name"]]}
        if path.endswith("/pulls"):
            return self.world.pulls
        things = self.world.comments
        if path == "issues":
            labelled = [each for each in self.world.issues if query["labels"] in cast("list[str]", each["labels"])]
            things = [each for each in labelled if each["state"] == query["state"]]
        first = (int(query["page"]) - 1) * int(query["per_page"])
        return things[first : first + int(query["per_page"])]

    def do_POST(self) -> None:
        path, body = self._written()
        self.world.writes.append(f"POST {path}")
        things = self.world.issues if path == "issues" else self.world.comments
        number = len(things) + 1
        things.append({"id": number, "number": number, "state": "open", "labels": [], **body})
        self._answer(201, things[-1])

    def do_PATCH(self) -> None:
        path, body = self._written()
        self.world.writes.append(f"PATCH {path}")
        things = self.world.comments if "comments" in path else self.world.issues
        thing = next(each for each in things if str(each["id"]) == path.split("/")[-1])
        thing.update(body)
        self._answer(200, thing)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name in the standard library
        """Quiet."""

    @property
    def world(self) -> Server:
        return cast("Server", self.server)

    def _written(self) -> tuple[str, Json]:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        return self.path.removeprefix("/repos/us/platform/"), body

    def _answer(self, status: int, value: object) -> None:
        self._send(status, json.dumps(value).encode())

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    try:
        yield running
    finally:
        running.shutdown()
        thread.join()
        running.server_close()


@pytest.fixture
def repository(server: Server) -> Iterator[Repository]:
    variables = {"GITHUB_TOKEN": TOKEN, "GITHUB_REPOSITORY": "us/platform", "GITHUB_API_URL": server.url}
    made = Repository.of_workflow(variables)
    with made.client:
        yield made


def comment(stack: str, text: str) -> str:
    return f"{report.marker('preview', stack)}\n\n{text}\n"


def test_each_stack_has_one_comment_that_is_edited_in_place(server: Server, repository: Repository) -> None:
    for number in range(1, 151):
        server.comments.append({"id": number, "body": f"somebody's word {number}"})
    server.comments.append({"id": 151, "body": None})
    for stack, text in (("staging", "one"), ("prod", "one"), ("staging", "two")):
        repository.comment(7, comment(stack, text))
    assert [each["body"] for each in server.comments[151:]] == [comment("staging", "two"), comment("prod", "one")]
    assert server.writes == ["POST issues/7/comments", "POST issues/7/comments", "PATCH issues/comments/152"]


def test_a_comment_that_only_quotes_the_marker_is_somebody_s_own(server: Server, repository: Repository) -> None:
    server.comments.append({"id": 1, "body": f"> {comment('prod', 'one')}"})
    repository.comment(7, comment("prod", "two"))
    assert len(server.comments) == 2


def drift_of(stack: str, content: str) -> str:
    return report.of_drift(digest.read(stack, printed([changed("edge1", content=content)])))


def test_drift_is_one_issue_that_is_opened_updated_and_closed(server: Server, repository: Repository) -> None:
    server.issues.append({"id": 1, "number": 1, "state": "open", "labels": ["drift"], "body": "somebody's own"})
    marker = report.marker("drift", "prod")
    repository.keep_issue("prod is not as declared", "drift", drift_of("prod", "by hand\n"))
    repository.keep_issue("prod is not as declared", "drift", drift_of("prod", "by hand\n"))
    repository.keep_issue("prod is not as declared", "drift", drift_of("prod", "by hand again\n"))
    repository.keep_issue("staging is not as declared", "drift", drift_of("staging", "by hand\n"))
    assert server.writes == ["POST issues", "PATCH issues/2", "POST issues"]
    assert "+by hand again" in str(server.issues[1]["body"])
    repository.close_issue("drift", marker, "prod is as declared again.")
    assert [each["state"] for each in server.issues] == ["open", "closed", "open"]
    assert server.comments[-1]["body"] == "prod is as declared again."
    before = list(server.writes)
    repository.close_issue("drift", marker, "prod is as declared again.")
    assert server.writes == before


def test_the_next_drift_is_a_new_issue(server: Server, repository: Repository) -> None:
    repository.keep_issue("prod is not as declared", "drift", drift_of("prod", "by hand\n"))
    repository.close_issue("drift", report.marker("drift", "prod"), "good")
    repository.keep_issue("prod is not as declared", "drift", drift_of("prod", "by hand\n"))
    assert [each["state"] for each in server.issues] == ["closed", "open"]


@pytest.mark.parametrize(
    ("said", "code", "writes"),
    [
        (printed([found("edge1")]), 0, []),
        (printed([changed("edge1")]), 2, ["POST issues"]),
        (printed([found("edge1", healthy=False)]), 2, ["POST issues"]),
        (printed([], [{"message": "error: app1 cannot be reached", "severity": "error"}]), 1, []),
    ],
    ids=["none", "drift", "silent", "could not be told"],
)
def test_the_scheduled_command_opens_an_issue_for_drift_and_for_nothing_else(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    repository: Repository,
    tmp_path: Path,
    said: str,
    code: int,
    writes: list[str],
) -> None:
    FakePulumi.install(tmp_path / "fake", monkeypatch).says("prod", "refresh", said)
    monkeypatch.setattr(Repository, "of_workflow", lambda: repository)
    monkeypatch.setattr("sys.argv", ["promotion", "drift", "prod"])
    assert commands.main() == code
    assert server.writes == writes
    assert all("edge1" in str(issue["body"]) for issue in server.issues)


def artefact(server: Server, number: int, head: str, *, fork: bool = False, expired: bool = False) -> None:
    run: Json = {"id": 1, "head_sha": head, "repository_id": 5, "head_repository_id": 6 if fork else 5}
    created = f"2030-01-{number:02}T00:00:00Z"
    name = f"review-prod-{HEAD}"
    server.artefacts.append(
        {"id": number, "name": name, "expired": expired, "created_at": created, "workflow_run": run}
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("review.json", f'{{"from": {number}}}')
    server.zips[str(number)] = packed.getvalue()


def test_the_newest_review_of_the_pull_request_is_fetched(
    server: Server, repository: Repository, tmp_path: Path
) -> None:
    artefact(server, 1, HEAD)
    artefact(server, 2, HEAD)
    artefact(server, 3, HEAD, expired=True)
    server.pulls = [
        {"number": 7, "merged_at": "2030-01-01T00:00:00Z", "head": {"sha": HEAD}},
        {"number": 8, "merged_at": None, "head": {"sha": "c" * 40}},
    ]
    assert repository.reviewed_commits("a" * 40) == ["a" * 40, HEAD]
    assert repository.fetch_artefact(f"review-prod-{HEAD}", HEAD, tmp_path)
    assert json.loads((tmp_path / "review.json").read_text()) == {"from": 2}


def test_the_token_goes_to_github_and_to_nobody_else(server: Server, repository: Repository, tmp_path: Path) -> None:
    artefact(server, 1, HEAD)
    assert repository.fetch_artefact(f"review-prod-{HEAD}", HEAD, tmp_path)
    assert server.tokens_at_storage == [None]


@pytest.mark.parametrize("wrong", ["of another commit", "of a fork"])
def test_a_review_that_a_fork_or_another_commit_left_is_none(
    server: Server, repository: Repository, tmp_path: Path, wrong: str
) -> None:
    artefact(server, 1, "d" * 40 if wrong == "of another commit" else HEAD, fork=wrong == "of a fork")
    assert not repository.fetch_artefact(f"review-prod-{HEAD}", HEAD, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_commit_nobody_reviewed_has_no_review_and_promotion_decides_what_that_means(
    server: Server, monkeypatch: pytest.MonkeyPatch, repository: Repository, tmp_path: Path
) -> None:
    monkeypatch.setattr(review, "commit_of_checkout", lambda: "a" * 40)
    monkeypatch.setattr(Repository, "of_workflow", lambda: repository)
    monkeypatch.setattr("sys.argv", ["promotion", "fetch-review", "prod", "--review", str(tmp_path)])
    assert commands.main() == 0
    assert review.load(tmp_path, "prod") is None


def test_what_github_refuses_is_one_line_without_the_token(server: Server) -> None:
    variables = {"GITHUB_TOKEN": "canary-wrong", "GITHUB_REPOSITORY": "us/platform", "GITHUB_API_URL": server.url}
    refused = Repository.of_workflow(variables)
    with refused.client, pytest.raises(Failure) as failure:
        refused.reviewed_commits("a" * 40)
    assert str(failure.value) == "GitHub: GET commits/" + "a" * 40 + '/pulls: 401 {"message": "Bad credentials"}'


def test_outside_a_workflow_the_missing_variable_is_named() -> None:
    with pytest.raises(Failure, match="GITHUB_TOKEN is not set: this command is for a workflow"):
        Repository.of_workflow({})
