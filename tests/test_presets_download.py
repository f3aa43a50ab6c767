"""Presets that are fetched, from a server on this machine: resumed, bounded, checked."""

import http.server
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from small_presets import make

from zoo import presets
from zoo.errors import ZooError
from zoo.presets import bundles, download, store
from zoo.presets.store import Store

WEIGHTS = "model.safetensors"


class Server(http.server.ThreadingHTTPServer):
    """Serves `files` (path -> bytes) with ranges; `behave` may take over a request."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.requests, self.behave = {}, [], lambda handler, data, start: False
        self.url = f"http://127.0.0.1:{self.server_port}/p"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def do_GET(self):
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(asked[1]) if asked else 0
        name = self.path.rsplit("/", 1)[1]
        self.server.requests.append((name, start))
        data = self.server.files.get(name)
        if data is None:
            self.send_error(404)
        elif not self.server.behave(self, data, start):
            self.answer(data, start)

    def answer(self, data, start, announced=None):
        """All of it, or the end with 206; `announced`: another Content-Length."""
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(announced or len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def large(tmp_path, monkeypatch, server):
    """The entry of a preset of the package that the server has."""
    package = Store(tmp_path / "package", "")
    monkeypatch.setattr(store, "SHIPPED", package)
    monkeypatch.setattr(download, "_PAUSE", 0.0)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ZOO_PRESETS", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    directory = make(tmp_path / "made")
    server.files = {path.name: path.read_bytes() for path in directory.iterdir()}
    entry = bundles.describe(directory).model_copy(update={"url": server.url})
    package.announce("large", entry)
    return entry


def received():
    return {path.name: path.read_bytes() for path in presets.find("large").iterdir()}


def partial():
    """What is kept of a fetch that did not end well."""
    files = (store.home().directory / "partial").glob("*/*")
    return {path.name: path.read_bytes() for path in files}


def test_it_is_fetched_once(large, server, capsys):
    assert "large" in presets.list_presets("stgan") and server.requests == []
    assert received() == server.files
    assert server.requests == [("config.json", 0), (WEIGHTS, 0)]
    assert capsys.readouterr().err == f"zoo: fetching large (0.0 MB) from {server.url}\n"
    assert received() == server.files and len(server.requests) == 2 and partial() == {}
    assert presets.find("large") == store.home().path("large")
    path = presets.find("large") / WEIGHTS
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ZooError, match="the file is broken .* `zoo presets remove large`"):
        presets.find("large")
    store.home().remove("large")
    assert received() == server.files


def breaking(after, times):
    """Sends `after` bytes of the weights and closes, this many times."""

    def behave(handler, data, start):
        if not handler.path.endswith(WEIGHTS) or len(handler.server.requests) > 1 + times:
            return False
        handler.answer(data[: start + after], start, announced=len(data) - start)
        return True

    return behave


def test_a_broken_connection_is_resumed(large, server):
    server.behave = breaking(after=1000, times=2)
    assert received() == server.files
    assert server.requests[1:] == [(WEIGHTS, 0), (WEIGHTS, 1000), (WEIGHTS, 2000)]


def test_the_next_call_goes_on(large, server):
    server.behave = breaking(after=500, times=4)
    with pytest.raises(
        ZooError, match=r"connection broke; 2,000 of \d,\d+ bytes are kept, run it again"
    ):
        presets.find("large")
    assert partial()[WEIGHTS] == server.files[WEIGHTS][:2000]
    server.requests.clear()
    server.behave = lambda handler, data, start: False
    assert received() == server.files and server.requests == [(WEIGHTS, 2000)]


def test_a_server_without_ranges(large, server):
    def behave(handler, data, start):
        return breaking(after=900, times=1)(handler, data, start) or handler.answer(data, 0) is None

    server.behave = behave
    assert received() == server.files
    assert server.requests[1:] == [(WEIGHTS, 0), (WEIGHTS, 900)]


def test_a_server_that_sends_another_part(large, server):
    def behave(handler, data, start):
        if start:
            handler.answer(data, start - 1)
            return True
        return breaking(after=900, times=1)(handler, data, start)

    server.behave = behave
    assert received() == server.files
    assert server.requests[1:] == [(WEIGHTS, 0), (WEIGHTS, 900), (WEIGHTS, 0)]


def test_a_wrong_hash(large, server):
    right = server.files[WEIGHTS]
    server.files[WEIGHTS] = right[:-1] + bytes([right[-1] ^ 1])
    with pytest.raises(ZooError, match="p/model.safetensors has SHA-256 .* was deleted"):
        presets.find("large")
    assert partial() == {"config.json": server.files["config.json"]}
    assert store.home().entries() == {} and not store.home().path("large").exists()
    server.files[WEIGHTS] = right
    assert received() == server.files


@pytest.mark.parametrize("announced", [True, False])
def test_a_file_that_is_too_long(large, server, announced):
    size = len(server.files[WEIGHTS])
    sent = []

    def behave(handler, data, start):
        if not handler.path.endswith(WEIGHTS) or announced:
            return False
        handler.send_response(200)  # without a length, as much as is taken
        handler.end_headers()
        try:
            for _ in range(10_000):
                sent.append(handler.wfile.write(b"x" * 10_000))
        except OSError:
            pass
        return True

    server.behave = behave
    server.files[WEIGHTS] += b"more"
    with pytest.raises(ZooError, match=f"is longer than the {size:,} bytes that the index says"):
        presets.find("large")
    assert WEIGHTS not in partial() and sum(sent) < 100_000_000


def test_a_file_that_is_too_short(large, server):
    server.files[WEIGHTS] = server.files[WEIGHTS][:1000]
    with pytest.raises(ZooError, match="ends before byte 1,000; the index says"):
        presets.find("large")
    assert WEIGHTS not in partial()


def test_refusals_and_failures_of_the_server(large, server):
    data = server.files.pop(WEIGHTS)
    with pytest.raises(ZooError, match="model.safetensors: HTTP Error 404: Not Found$"):
        presets.find("large")
    assert len(server.requests) == 2  # not asked again
    server.files[WEIGHTS] = data
    server.requests.clear()

    def behave(handler, data, start):
        if len(server.requests) < 3:
            handler.send_error(503)
            return True
        return False

    server.behave = behave
    assert received() == server.files and len(server.requests) == 3


def test_nobody_listens(large, server):
    server.server_close()
    with pytest.raises(ZooError, match="cannot fetch http://127.0.0.1.*refused"):
        presets.find("large")


def test_several_at_once(large, server):
    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(lambda _: presets.find("large"), range(4)))
    assert set(places) == {store.home().path("large")}
    assert server.requests == [("config.json", 0), (WEIGHTS, 0)]


def test_a_bundle_brings_it_without_a_network(large, server, tmp_path, monkeypatch):
    path = bundles.write(["large"], tmp_path / "b.tar")
    asked = len(server.requests)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "other home"))
    assert bundles.read(path) == ["large"]
    assert received() == server.files and len(server.requests) == asked


@pytest.mark.parametrize(
    "url",
    [
        *("http://example.org/p", "file:///etc", "ftp://127.0.0.1/p", "https://", "p", ""),
        *("https://me:secret@example.org/p", "http://127.0.0.1.example.org/", "http://[/"),
    ],
)
def test_addresses(url):
    with pytest.raises(ZooError, match="presets are not fetched from "):
        download.check_address(url)


def test_legal_addresses():
    for url in ("https://example.org/p", "http://localhost:80/p", "http://[::1]/", "HTTPS://x/"):
        download.check_address(url)


@pytest.mark.parametrize(
    "target, message",
    [
        ("file:///etc/passwd", "Redirection to url 'file:///etc/passwd' is not allowed"),
        ("http://example.org/p", "presets are not fetched from 'http://example.org/p'"),
    ],
)
def test_redirects_are_checked(large, server, target, message):
    def behave(handler, data, start):
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.end_headers()
        return True

    server.behave = behave
    with pytest.raises(ZooError, match=message):
        presets.find("large")


def test_a_redirect_on_this_machine_keeps_the_range(large, server):
    def behave(handler, data, start):
        if "/moved/" in handler.path or not handler.path.endswith(WEIGHTS):
            return False
        if len(server.requests) == 2:
            return breaking(after=700, times=1)(handler, data, start)
        handler.send_response(302)
        handler.send_header("Location", f"/moved/{WEIGHTS}")
        handler.end_headers()
        return True

    server.behave = behave
    assert received() == server.files
    assert server.requests[1:] == [(WEIGHTS, 0), (WEIGHTS, 700), (WEIGHTS, 700)]
