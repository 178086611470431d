import http.server
import threading
from pathlib import Path
from typing import ClassVar

import pytest

from benchmark.core.download import SourceFile, fetch
from benchmark.core.errors import InvalidFileError, InvalidInputError, UnavailableError
from benchmark.core.files import sha256_bytes

CONTENT = bytes(range(256)) * 2000


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT with ranges; may break off the first answer half-way."""

    log: ClassVar[list[str | None]] = []
    cut_first = False

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        Handler.log.append(wanted)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        body = CONTENT[start:]
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if Handler.cut_first and len(Handler.log) == 1:
            self.wfile.write(body[:300_000])
            self.wfile.flush()
            self.connection.close()
            return
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def server():
    Handler.log, Handler.cut_first = [], False
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_downloads_once(server: str):
    source = SourceFile(url=f"{server}/a/file.bin", sha256=sha256_bytes(CONTENT))
    assert fetch(source).read_bytes() == CONTENT
    assert fetch(source).read_bytes() == CONTENT
    assert Handler.log == [None]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_interrupted_download_resumes(server: str):
    Handler.cut_first = True
    source = SourceFile(url=f"{server}/a/file.bin", sha256=sha256_bytes(CONTENT))
    with pytest.raises(UnavailableError, match="T2SBENCH_MIRROR"):
        fetch(source)
    assert fetch(source).read_bytes() == CONTENT
    assert Handler.log[0] is None
    assert Handler.log[1].startswith("bytes=")
    assert int(Handler.log[1][6:-1]) > 0


def test_other_content_than_pinned_is_refused(server: str):
    with pytest.raises(InvalidFileError, match="pinned"):
        fetch(SourceFile(url=f"{server}/a/file.bin", sha256="0" * 64))


def test_no_network_says_what_to_run():
    source = SourceFile(url="http://127.0.0.1:9/a/file.bin", sha256="0" * 64)
    with pytest.raises(UnavailableError, match="t2sbench table fetch released"):
        fetch(source)


def test_mirror_instead_of_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("T2SBENCH_MIRROR", str(tmp_path))
    source = SourceFile(url="https://example.org/a/file.bin", sha256=sha256_bytes(b"x"))
    with pytest.raises(UnavailableError, match=r"mirror.*https://example\.org/a/file\.bin"):
        fetch(source)
    mirrored = tmp_path / "example.org/a/file.bin"
    mirrored.parent.mkdir(parents=True)
    mirrored.write_bytes(b"y")
    with pytest.raises(InvalidFileError, match="pinned"):
        fetch(source)
    mirrored.write_bytes(b"x")
    assert fetch(source).read_bytes() == b"x"
    mirrored.unlink()
    assert fetch(source).read_bytes() == b"x"  # cached by now


def test_a_mirror_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("T2SBENCH_MIRROR", str(tmp_path))
    with pytest.raises(InvalidInputError, match="inside"):
        fetch(SourceFile(url="https://example.org/../../etc/passwd", sha256="0" * 64))
