"""The few calls to GitHub: a comment or an issue that is edited in place, and the artefact of a review."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

import httpx

from toolchain.failure import Failure

_SECONDS = 30.0
_PER_PAGE = 100
_MOST_PAGES = 30
_LARGEST_ARTEFACT = 64 << 20


class _Text(TypedDict):
    """A comment or an issue."""

    id: int
    number: int
    body: str | None


class _Run(TypedDict, total=False):
    id: int
    head_sha: str
    repository_id: int
    head_repository_id: int


class _Artefact(TypedDict):
    id: int
    expired: bool
    created_at: str
    workflow_run: _Run | None


class _Head(TypedDict):
    sha: str


class _PullRequest(TypedDict):
    number: int
    merged_at: str | None
    head: _Head


@dataclass(frozen=True)
class Repository:
    """A repository, as the workflow's token may use it."""

    client: httpx.Client
    name: str

    @classmethod
    def of_workflow(cls, environment: Mapping[str, str] = os.environ) -> Repository:
        """The one this workflow runs for. Raises Failure if it runs nowhere."""
        try:
            token, name = environment["GITHUB_TOKEN"], environment["GITHUB_REPOSITORY"]
        except KeyError as missing:
            raise Failure(f"{missing.args[0]} is not set: this command is for a workflow") from None
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
        url = environment.get("GITHUB_API_URL") or "https://api.github.com"
        return cls(httpx.Client(base_url=url, headers=headers, timeout=_SECONDS), name)

    def comment(self, pull_request: int, body: str) -> None:
        """Put `body` on the pull request; a comment that begins with the same marker is edited in place."""
        comments = f"issues/{pull_request}/comments"
        found = self._marked(self._texts(comments), body)
        if found is None:
            self._call("POST", comments, {"body": body})
        else:
            self._call("PATCH", f"issues/comments/{found['id']}", {"body": body})

    def keep_issue(self, title: str, label: str, body: str) -> None:
        """Open an issue with `body`, or bring the open one that begins with the same marker up to date."""
        found = self._open_issue(label, body)
        if found is None:
            self._call("POST", "issues", {"title": title, "labels": [label], "body": body})
        elif found["body"] != body:
            self._call("PATCH", f"issues/{found['number']}", {"body": body})

    def close_issue(self, label: str, marker: str, reason: str) -> None:
        """Close the open issue that begins with the marker, if there is one, saying why."""
        found = self._open_issue(label, marker)
        if found is not None:
            self._call("POST", f"issues/{found['number']}/comments", {"body": reason})
            self._call("PATCH", f"issues/{found['number']}", {"state": "closed"})

    def reviewed_commits(self, commit: str) -> list[str]:
        """The commits whose review holds for `commit`: itself, and the heads of the pull requests merged as it."""
        pulls = cast("list[_PullRequest]", self._call("GET", f"commits/{commit}/pulls"))
        return [commit, *(pull["head"]["sha"] for pull in pulls if pull["merged_at"])]

    def fetch_artefact(self, name: str, commit: str, directory: Path) -> bool:
        """Unpack the newest artefact `name` that a run for `commit` of this repository left; False if there is none."""
        query = {"name": name, "per_page": _PER_PAGE}
        listing = cast("dict[str, list[_Artefact]]", self._call("GET", "actions/artifacts", query=query))
        own = [each for each in listing["artifacts"] if not each["expired"] and _is_own(each, commit)]
        if not own:
            return False
        newest = max(own, key=lambda each: each["created_at"])
        response = self._send("GET", f"actions/artifacts/{newest['id']}/zip", follow_redirects=True)
        _unpack(response.content, directory)
        return True

    def _open_issue(self, label: str, body: str) -> _Text | None:
        return self._marked(self._texts("issues", {"labels": label, "state": "open"}), body)

    def _marked(self, texts: Iterator[_Text], body: str) -> _Text | None:
        marker = body.partition("\n")[0]
        return next((text for text in texts if (text["body"] or "").partition("\n")[0].rstrip() == marker), None)

    def _texts(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[_Text]:
        for page in range(1, _MOST_PAGES + 1):
            asked = {**(query or {}), "per_page": _PER_PAGE, "page": page}
            found = cast("list[_Text]", self._call("GET", path, query=asked))
            yield from found
            if len(found) < _PER_PAGE:
                return

    def _call(
        self, method: str, path: str, body: object = None, *, query: Mapping[str, str | int] | None = None
    ) -> object:
        return self._send(method, path, body, query=query).json()

    def _send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: Mapping[str, str | int] | None = None,
        follow_redirects: bool = False,
    ) -> httpx.Response:
        url = f"/repos/{self.name}/{path}"
        try:
            # httpx takes the token along to no other host.
            response = self.client.request(method, url, json=body, params=query, follow_redirects=follow_redirects)
        except httpx.HTTPError as error:
            raise Failure(f"GitHub: {method} {path}: {error}") from None
        if not response.is_success:
            raise Failure(f"GitHub: {method} {path}: {response.status_code} {response.text[:300]}")
        return response


def _is_own(artefact: _Artefact, commit: str) -> bool:
    """Left by a run for this commit, and not by one of a fork."""
    run = artefact["workflow_run"] or _Run()
    return run.get("head_sha") == commit and run.get("head_repository_id") == run.get("repository_id")


def _unpack(content: bytes, directory: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_ARTEFACT:
            raise Failure(f"the artefact is larger than {_LARGEST_ARTEFACT} bytes")
        archive.extractall(directory)
