"""A running `yutang serve` for tests that ask it, kill parts of it, and end it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.commands import YUTANG, environment
from yutang.cli.serve import PROCESSES

WAIT_S_MAX = 60.0


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def wait_for(holds: Callable[[], bool], what: str) -> None:
    """Until something holds; fails the test if it doesn't in time."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not holds():
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Whether a process lives; a zombie doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Service:
    """See the module. Ended, with its children, by `close`."""

    def __init__(self, pool: Path, **settings: object) -> None:
        self.pool = pool
        self.settings = {"listen_port": free_port(), "intake_port": free_port(), **settings}
        self.url = f"http://127.0.0.1:{self.settings['listen_port']}"
        self.intake_url = f"http://127.0.0.1:{self.settings['intake_port']}"
        self._seen: set[int] = set()
        self._log = (pool.parent / f"service-{self.settings['listen_port']}.log").open("w+")
        self.process = subprocess.Popen(
            [*YUTANG, "serve"], env=environment(pool, **self.settings), stdout=self._log, stderr=subprocess.STDOUT
        )
        wait_for(lambda: "鱼塘 Yutang" in self.said() or self.process.poll() is not None, "the service is up")
        assert self.process.poll() is None, self.said()
        self._seen.update(self.pids().values())

    def said(self) -> str:
        """All that the service has printed."""
        return Path(self._log.name).read_text()

    def pids(self) -> dict[str, int]:
        """Its children, by role."""
        found: dict[str, int] = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                words = (entry / "cmdline").read_text().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            role = next((role for role, module in PROCESSES.items() if module in words), None)
            if parent == self.process.pid and role and alive(int(entry.name)):
                found[role] = int(entry.name)
        return found

    def kill(self, role: str) -> int:
        """`kill -9` one of the children; which it was."""
        pid = self.pids()[role]
        os.kill(pid, signal.SIGKILL)
        return pid

    def restarted(self, role: str, gone: int) -> None:
        """Wait until another process plays a role, and answers."""
        path = self.pool / f"{role}.sock"
        wait_for(lambda: self.pids().get(role, gone) != gone and _answers(path), f"{role} is back")
        self._seen.update(self.pids().values())

    def get(self, path: str, **arguments: object) -> httpx.Response:
        """A request to its API."""
        return httpx.get(self.url + path, timeout=WAIT_S_MAX, **arguments)  # type: ignore[arg-type]

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WAIT_S_MAX)

    def close(self) -> None:
        """Whatever is left of it."""
        self._seen.update(self.pids().values())
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for pid in self._seen:
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self._log.close()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as trial:
        try:
            trial.connect(str(path))
        except OSError:
            return False
        return True


def serving(settings: Mapping[str, Any]) -> Iterator[Callable[[Path], Service]]:
    """What a fixture gives that starts services on pools, and ends what is left of them."""
    running: list[Service] = []

    def start_one(pool: Path) -> Service:
        running.append(Service(pool, **settings))
        return running[-1]

    yield start_one
    for one in running:
        one.close()
