"""A bucket over HTTP whose clock, version ids and etags a test sets: the emulator's are its own.

It speaks as much of S3 as a GET needs: VersionId, If-Match, and the errors of both.
"""

import dataclasses
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit


@dataclasses.dataclass(frozen=True)
class StoredVersion:
    """One version of an object; `second` counts from an hour when nothing happened."""

    key: str
    version_id: str
    body: bytes
    etag: str
    second: int

    @property
    def last_modified(self) -> datetime:
        return datetime.fromtimestamp(1_700_000_000 + self.second, UTC)


class ObjectStore:
    """Every version of every key; the one that was put last is the latest."""

    def __init__(self) -> None:
        self.versions: list[StoredVersion] = []
        self.endpoint = ""

    def put(self, version: StoredVersion) -> None:
        self.versions.append(version)

    def find(self, key: str, version_id: str | None) -> StoredVersion | None:
        for version in reversed(self.versions):
            if version.key == key and version_id in (None, version.version_id):
                return version
        return None


@contextmanager
def serve() -> Iterator[ObjectStore]:
    """Serves an empty store on a free port for as long as the block lasts."""
    store = ObjectStore()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(store))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    store.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(store: ObjectStore) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else the body waits for the head to be acknowledged

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            key = unquote(url.path).split("/", 2)[2]
            version_id = parse_qs(url.query).get("versionId", [None])[0]
            version = store.find(key, version_id)
            if version is None:
                code = "NoSuchVersion" if version_id else "NoSuchKey"
                self.answer(404, _error(code), {})
            elif self.headers.get("If-Match", f'"{version.etag}"') != f'"{version.etag}"':
                self.answer(412, _error("PreconditionFailed"), {})
            else:
                headers = {
                    "ETag": f'"{version.etag}"',
                    "Last-Modified": format_datetime(version.last_modified, usegmt=True),
                    "x-amz-version-id": version.version_id,
                }
                self.answer(200, version.body, headers)

        def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing: what matters is in the test."""

    return Handler


def _error(code: str) -> bytes:
    return f"<Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()
