"""An S3 bucket over HTTP, whose answers break as those of a real one: slow down, cut short, gone, not allowed."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PAGE = 1000  # keys in one answer of ListObjectsV2
_STATUS = {"SlowDown": 503, "NoSuchKey": 404, "AccessDenied": 403}


@contextmanager
def s3_server(objects: Mapping[str, bytes], faults: Mapping[str, tuple[str, int]]) -> Iterator[dict[str, str]]:
    """Serve a bucket of any name; yield the environment in which the AWS SDK uses it.

    `faults` are by key: an error code or `cut`, and how many of the first requests of the key have it.
    """
    keys, asked, lock = sorted(objects, key=str.encode), Counter[str](), threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            if query.get("list-type") == "2":
                self._answer(200, _listing(query))
                return
            key = unquote(url.path).split("/", 2)[2]
            with lock:
                asked[key] += 1
            fault, times = faults.get(key, ("", 0))
            if asked[key] > times:
                self._answer(200, objects[key])
            elif fault == "cut":
                self._answer(200, objects[key], cut=True)
            else:
                self._answer(_STATUS[fault], f"<Error><Code>{fault}</Code><Message>no</Message></Error>".encode())

        def _answer(self, status: int, body: bytes, *, cut: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if cut else body)
            self.close_connection = cut

    def _listing(query: dict[str, str]) -> bytes:
        after = query.get("continuation-token", query.get("start-after", ""))
        left = [each for each in keys if each.startswith(query.get("prefix", "")) and each.encode() > after.encode()]
        contents = "".join(
            f"<Contents><Key>{escape(each)}</Key><Size>{len(objects[each])}</Size><ETag>e</ETag></Contents>"
            for each in left[:PAGE]
        )
        token = f"<NextContinuationToken>{escape(left[PAGE - 1])}</NextContinuationToken>" if left[PAGE:] else ""
        more = f"<IsTruncated>{'true' if token else 'false'}</IsTruncated>{token}"
        return f"<ListBucketResult>{more}{contents}</ListBucketResult>".encode()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
