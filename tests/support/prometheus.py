"""A server that answers queries like Prometheus, and fails as servers do."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


class Monitoring:
    """The server's answers: values by query. A string instead of values is sent as it is."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.answers: dict[str, list[float] | str] = {}
        self.status = 200


@contextlib.contextmanager
def monitoring() -> Iterator[Monitoring]:
    """Yield a server on a free local port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)["query"][0]
            answer = result.answers.get(query, [])
            body = answer if isinstance(answer, str) else vector(answer)
            self.send_response(result.status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            del args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        result = Monitoring(server.server_port)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield result
        finally:
            server.shutdown()
            thread.join()


def vector(values: list[float]) -> str:
    """Return an answer with one series per value."""
    series = [{"metric": {}, "value": [1700000000.0, str(value)]} for value in values]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})
