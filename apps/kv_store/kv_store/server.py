"""The store as an HTTP API, one thread per connection: 201 is answered only after the value is on the disk."""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from typing import cast
from urllib.parse import parse_qs, urlsplit

from kv_store.lock import BusyError
from kv_store.page import DESCRIPTION
from kv_store.record import MAX_KEY_BYTES, MAX_VALUE_BYTES, RefusedError
from kv_store.store import FullError, Store

_MAX_CONNECTIONS = 256
_IDLE_SECONDS = 15
# A form escapes a byte as three characters, JSON a character of four bytes as twelve.
_MAX_BODY_BYTES = 3 * (MAX_KEY_BYTES + MAX_VALUE_BYTES) + 1024
_MAX_DISCARDED_BYTES = 8 * 2**20
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """What a request is answered with."""

    status: HTTPStatus
    body: str = ""
    media_type: str = "text/plain; charset=utf-8"
    allow: str = ""


class RejectedError(Exception):
    """The request cannot be served; it carries the answer that says why."""

    def __init__(self, status: HTTPStatus, message: str, allow: str = "") -> None:
        super().__init__(message)
        self.answer = Answer(status, f"{message}\n", allow=allow)


class KeyValueServer(ThreadingHTTPServer):
    """Serves a store at an address until `stop`."""

    daemon_threads = False
    request_queue_size = 1024

    def __init__(self, store: Store, address: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        self.store = store
        self.stopping = False
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._connections: set[socket.socket] = set()
        self._connections_lock = threading.Lock()
        super().__init__((address, port), _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Waits for a free slot first: more connections than that stay in the kernel's queue."""
        assert isinstance(request, socket.socket)
        self._slots.acquire()
        with self._connections_lock:
            self._connections.add(request)
        super().process_request(request, cast("tuple[str, int]", client_address))

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        """Ends a connection and frees its slot."""
        assert isinstance(request, socket.socket)
        with self._connections_lock:
            self._connections.discard(request)
        super().shutdown_request(request)
        self._slots.release()

    def stop(self) -> None:
        """Accepts nothing more, answers what has been received, and returns when every connection has ended."""
        self.stopping = True
        self.shutdown()
        with self._connections_lock:
            for connection in self._connections:
                # An idle connection sees the end of its requests; one being answered is not disturbed.
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RD)
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no error of the server; anything else goes to the journal."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(cast("socket.socket", request), client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    error_message_format = "%(message)s\n"
    error_content_type = "text/plain; charset=utf-8"
    timeout = _IDLE_SECONDS
    # Head and body in one segment, at once: otherwise each answer waits for a delayed acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    _unread = False

    def version_string(self) -> str:
        return "kv-store"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Says nothing: the balancer in front keeps the access log."""

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_HEAD(self) -> None:
        self._serve(self._get)

    def do_POST(self) -> None:
        self._serve(self._post)

    def do_PUT(self) -> None:
        self._serve(self._other_method)

    def do_PATCH(self) -> None:
        self._serve(self._other_method)

    def do_DELETE(self) -> None:
        self._serve(self._other_method)

    def _serve(self, handle: Callable[[], Answer]) -> None:
        # A body that nobody reads would be taken for the next request.
        self._unread = self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers
        try:
            answer = handle()
        except RejectedError as rejected:
            answer = rejected.answer
        except RefusedError as problem:
            answer = Answer(HTTPStatus.BAD_REQUEST, f"{problem}\n")
        except FullError as problem:
            answer = Answer(HTTPStatus.INSUFFICIENT_STORAGE, f"{problem}\n")
        except (BusyError, OSError) as problem:
            if isinstance(problem, (ConnectionError, TimeoutError)):
                raise
            answer = Answer(HTTPStatus.SERVICE_UNAVAILABLE, f"the file cannot be used: {problem}\n")
        self._send(answer)
        if self._unread:
            self._discard_body()

    def _send(self, answer: Answer) -> None:
        body = answer.body.encode("utf-8")
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        if answer.allow:
            self.send_header("Allow", answer.allow)
        if self._unread or self._key_values.stopping:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _discard_body(self) -> None:
        """Reads what the client still sends: a connection closed before that would take the answer with it."""
        self.wfile.flush()
        length = self.headers.get("Content-Length", "")
        rest = min(int(length), _MAX_DISCARDED_BYTES) if length.isascii() and length.isdigit() else 0
        while rest > 0 and (piece := self.rfile.read(min(rest, 65_536))):
            rest -= len(piece)

    @property
    def _key_values(self) -> KeyValueServer:
        assert isinstance(self.server, KeyValueServer)
        return self.server

    def _get(self) -> Answer:
        target = urlsplit(self.path)
        if target.path == "/health":
            self._key_values.store.check_writable()
            return Answer(HTTPStatus.OK, "ok")
        self._expect_root(target.path)
        fields = _fields(target.query)
        if "key" not in fields:
            return Answer(HTTPStatus.OK, DESCRIPTION, "text/html; charset=utf-8")
        key = fields["key"]
        values = self._key_values.store.get(key)
        if self._wants_json():
            return Answer(HTTPStatus.OK, json.dumps({"key": key, "values": values}) + "\n", _JSON)
        return Answer(HTTPStatus.OK, ", ".join(values))

    def _post(self) -> Answer:
        self._expect_root(urlsplit(self.path).path)
        fields = self._body_fields()
        for name in ("key", "val"):
            if name not in fields:
                raise RejectedError(HTTPStatus.BAD_REQUEST, f"the field {name!r} is missing")
        count = self._key_values.store.append(fields["key"], fields["val"])
        if self._wants_json():
            return Answer(HTTPStatus.CREATED, json.dumps({"key": fields["key"], "count": count}) + "\n", _JSON)
        return Answer(HTTPStatus.CREATED)

    def _other_method(self) -> Answer:
        raise RejectedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{self.command} is not supported", allow="GET, HEAD, POST")

    def _expect_root(self, path: str) -> None:
        if path != "/":
            raise RejectedError(HTTPStatus.NOT_FOUND, "only / and /health are here")

    def _wants_json(self) -> bool:
        return _JSON in self.headers.get("Accept", "")

    def _body_fields(self) -> dict[str, str]:
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            raise RejectedError(HTTPStatus.LENGTH_REQUIRED, "a Content-Length is needed")
        if int(length) > _MAX_BODY_BYTES:
            raise RejectedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {_MAX_BODY_BYTES} bytes are accepted")
        media_type = self.headers.get_content_type()
        if media_type not in (_FORM, _JSON):
            raise RejectedError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send {_FORM} or {_JSON}")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise ConnectionAbortedError("the client went away in the middle of its request")
        self._unread = False
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise RejectedError(HTTPStatus.BAD_REQUEST, "the body is not UTF-8") from None
        return _fields(text) if media_type == _FORM else _json_fields(text)


def _fields(query: str) -> dict[str, str]:
    try:
        fields = parse_qs(query, keep_blank_values=True, errors="strict", max_num_fields=16)
    except ValueError:
        raise RejectedError(HTTPStatus.BAD_REQUEST, "the fields are not valid UTF-8, or too many") from None
    for name, values in fields.items():
        if len(values) > 1:
            raise RejectedError(HTTPStatus.BAD_REQUEST, f"the field {name!r} is given {len(values)} times")
    return {name: values[0] for name, values in fields.items()}


def _json_fields(text: str) -> dict[str, str]:
    try:
        document: object = json.loads(text)
    except (ValueError, RecursionError):
        raise RejectedError(HTTPStatus.BAD_REQUEST, "the body is not JSON") from None
    if not isinstance(document, dict):
        raise RejectedError(HTTPStatus.BAD_REQUEST, 'send an object like {"key": "K", "val": "V"}')
    fields = cast("dict[str, object]", document)
    for name in ("key", "val"):
        if name in fields and not isinstance(fields[name], str):
            raise RejectedError(HTTPStatus.BAD_REQUEST, f"the field {name!r} is not a text")
    return {name: value for name, value in fields.items() if isinstance(value, str)}
