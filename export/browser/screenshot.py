"""Opens a prepared page in headless Chromium, lets it edit, and takes a picture of it.

python screenshot.py site page.png
"""

from __future__ import annotations

import contextlib
import functools
import html
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 120


@contextlib.contextmanager
def served(site: Path) -> Iterator[str]:
    """Serves a folder on the loopback interface while the block runs; yields its address."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        extensions_map = {".mjs": "text/javascript", ".js": "text/javascript"} | {
            **{".wasm": "application/wasm", ".html": "text/html", ".json": "application/json"},
            **{".png": "image/png", "": "application/octet-stream"},
        }

        def log_message(self, *args):
            pass

    handler = functools.partial(Handler, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def open_page(site: Path, picture: Path) -> dict:
    """Runs the page's own edit and takes a screenshot.

    Args:
        site: folder that `prepare.py` wrote.
        picture: PNG file to write.

    Returns:
        `fed`: what the page gave to the model; `pixels`: the RGBA bytes that it drew.

    Raises:
        RuntimeError: there is no browser, or the page did not finish.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise RuntimeError(f"none of {', '.join(BROWSERS)} is installed")
    with served(site) as address, tempfile.TemporaryDirectory() as profile:
        options = ["--headless", "--disable-gpu", "--hide-scrollbars", "--window-size=1060,720"]
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            options.append("--no-sandbox")  # Chromium's sandbox refuses the root of a container
        options += [f"--user-data-dir={profile}", f"--virtual-time-budget={SECONDS * 1000}"]
        command = [browser, *options, f"--screenshot={picture.absolute()}", "--dump-dom"]
        command.append(f"{address}/index.html?demo")
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    found = re.search(r'data-result="([^"]*)"', done.stdout)
    if not found:
        raise RuntimeError(f"the page did not finish: {done.stdout[-500:]} {done.stderr[-500:]}")
    return json.loads(html.unescape(found[1]))


if __name__ == "__main__":
    open_page(Path(sys.argv[1]), Path(sys.argv[2]))
    print(sys.argv[2])
