"""The application as it was before: one process, started by hand."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Page(BaseHTTPRequestHandler):
    """The page, whatever is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"Hello from streamApp\n")


ThreadingHTTPServer(("0.0.0.0", 8001), Page).serve_forever()
