"""Fetching presets that are too large for the package: resumed, bounded and checked."""

from __future__ import annotations

import http.client
import os
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

from zoo import __version__
from zoo.errors import ZooError
from zoo.files import sha256
from zoo.presets.index import CONFIG, WEIGHTS, Entry, File
from zoo.presets.store import Store, locked

_TIMEOUT = 30.0  # seconds without a byte
_TRIES = 4
_PAUSE = 1.0  # seconds before the second try, twice that before the third, ...
_CHUNK = 1 << 18
_BROKEN = (
    *(urllib.error.URLError, http.client.HTTPException),
    *(ConnectionError, TimeoutError, ssl.SSLError),
)
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def fetch(name: str, entry: Entry, store: Store) -> Path:
    """Fetches the files of a preset into a store and returns its directory.

    What was received stays when a connection breaks or the process ends; the next call goes on
    from there (HTTP Range). No more bytes are taken than the entry says, and nothing is moved into
    the store before its SHA-256 is right. Of several processes one fetches, the others wait.

    Raises:
        ZooError: the address is neither https nor on this machine, the server refuses, the
            connection breaks again and again, or what comes is not what the entry says.
    """
    check_address(entry.url)
    partial = store.directory / "partial" / f"{name}-{entry.files[WEIGHTS].sha256[:16]}"
    try:
        with locked(partial):
            kept = store.entries().get(name)
            if kept is not None and kept.files == entry.files:  # another process was faster
                return store.checked(name, entry)
            note = f"zoo: fetching {name} ({entry.size / 1e6:.1f} MB) from {entry.url}"
            print(note, file=sys.stderr, flush=True)
            for file in (CONFIG, WEIGHTS):
                address = f"{entry.url.rstrip('/')}/{file}"
                _fetch_file(address, partial / file, entry.files[file])
            return store.put(name, entry, partial)
    except OSError as error:
        raise ZooError(f"cannot fetch {name} into {store.directory}: {error}") from error


def check_address(url: str) -> None:
    """Refuses an address that is neither https nor plain http to this machine.

    Raises:
        ZooError: another scheme, or a password in it.
    """
    try:
        parts = urlsplit(url)
        host, secret = parts.hostname, parts.password or parts.username
    except ValueError:
        host, secret, parts = None, None, urlsplit("")
    legal = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not legal or not host or secret:
        raise ZooError(
            f"presets are not fetched from {url!r}; legal are https:// without a password, and "
            "http:// to this machine"
        )


class _CheckedRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, request, file, code, message, headers, url):
        check_address(url)
        return super().redirect_request(request, file, code, message, headers, url)


def _opener() -> urllib.request.OpenerDirector:
    """Speaks http and https only, through the proxies of the environment."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _CheckedRedirects(),
    ):
        opener.add_handler(handler)
    return opener


def _fetch_file(url: str, path: Path, expected: File) -> None:
    """Completes `path`, which may hold the beginning, in several tries."""
    for attempt in range(_TRIES):
        time.sleep(_PAUSE * attempt)
        try:
            if _size(path) < expected.bytes:
                _receive(url, path, expected.bytes)
            break
        except _BROKEN as error:
            code = error.code if isinstance(error, urllib.error.HTTPError) else 500
            if attempt < _TRIES - 1 and (code >= 500 or code == 429):
                continue
            kept = _size(path)
            message = f"cannot fetch {url}: {error or type(error).__name__}"
            if kept:
                message += f"; {kept:,} of {expected.bytes:,} bytes are kept, run it again to go on"
            raise ZooError(message) from None
    digest = sha256(path)
    if (_size(path), digest) != (expected.bytes, expected.sha256):
        path.unlink()
        raise ZooError(
            f"{url} has SHA-256 {digest[:12]}..., the index says {expected.sha256[:12]}...; it is "
            "not the file that this zoo knows, and was deleted"
        )


def _receive(url: str, path: Path, size: int) -> None:
    """Appends to `path` until it has `size` bytes.

    Raises:
        ZooError: the file of the server is longer or shorter.
        OSError, HTTPException: the connection broke, or the server refused.
    """
    start = _size(path)
    headers = {"User-Agent": f"face-gan-zoo/{__version__}", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        response = _opener().open(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:  # nothing from there on
            raise
        path.unlink()
        raise ZooError(f"{url} ends before byte {start:,}; the index says {size:,} bytes") from None
    with response:
        if response.status == 206:
            if not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                path.unlink()
                raise http.client.HTTPException("the server sent another part than asked for")
        else:
            start = 0  # a server without ranges sends all of it
        with open(path, "ab" if start else "wb") as file:
            while chunk := response.read(min(_CHUNK, size - file.tell() + 1)):
                if file.tell() + len(chunk) > size:
                    os.unlink(path)
                    raise ZooError(f"{url} is longer than the {size:,} bytes that the index says")
                file.write(chunk)
    if _size(path) < size:
        raise ConnectionError("the connection broke")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
