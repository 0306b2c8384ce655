"""A page in a headless Chromium: served from here, it works by itself and posts what came of it to /done."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGE_S_MAX = 60.0
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript"}


def browser() -> str:
    """The browser's command. Fails the test if there is none."""
    wanted = os.environ.get("CHROMIUM") or next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert wanted, "there is no Chromium here; on Debian: apt-get install chromium"
    return wanted


class Site:
    """Files by path, on loopback. asked: the paths that were asked for. done: what pages have posted."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.done: Queue[Any] = Queue()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                site.asked.append(path)
                file = site.files.get(path)
                body = file.read_bytes() if file else b""
                self._answer(200 if file else 404, body, TYPES.get(Path(path).suffix, "text/plain"))

            def do_POST(self) -> None:
                site.done.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self._answer(204, b"", "text/plain")

            def _answer(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def serving(files: Mapping[str, Path]) -> Iterator[Site]:
    """A site while it is needed."""
    site = Site(files)
    try:
        yield site
    finally:
        site.close()


def visit(site: Site, path: str) -> Any:
    """Open a page in a browser of its own, without a past, until it has posted to /done; what it posted."""
    # A browser's helpers still write while they end, so what is left of its folder doesn't matter.
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            browser(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
            "--no-proxy-server", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}", site.origin + path,
        ]  # fmt: skip
        with (Path(profile) / "browser.log").open("w+") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            try:
                return site.done.get(timeout=PAGE_S_MAX)
            except Empty:
                log.seek(0)
                raise AssertionError(
                    f"the page didn't finish; it asked for {site.asked}\n{log.read()[-4_000:]}"
                ) from None
            finally:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
