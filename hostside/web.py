"""Probes that ask over HTTP."""

from __future__ import annotations

import http.client
import ssl
from urllib.parse import urlsplit

from .probes import SHOWN
from .values import HttpProbe

_BODY_BYTES = 1 << 20


def answer_once(probe: HttpProbe, timeout: float) -> str:
    """Asks once: "" when the answer is right, else what was answered and what is wanted."""
    try:
        return _answer(probe, timeout)
    except (OSError, http.client.HTTPException) as error:
        return f"{probe.url}: {str(error) or type(error).__name__}"


def _answer(probe: HttpProbe, timeout: float) -> str:
    parts = urlsplit(probe.url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        if host == "127.0.0.1":
            # Nobody can stand between a host and itself, and no certificate names this address.
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=timeout)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", path, headers={"User-Agent": "soundstage-probe", "Connection": "close"})
        answer = connection.getresponse()
        body = answer.read(_BODY_BYTES).decode("utf-8", "replace")
    finally:
        connection.close()
    if answer.status != probe.status:
        shown = body.strip()[:SHOWN]
        return f"{probe.url}: answered {answer.status} {answer.reason} {shown!r}, wanted is {probe.status}"
    if probe.contains not in body:
        return f"{probe.url}: the answer {body.strip()[:SHOWN]!r} does not hold {probe.contains!r}"
    return ""
