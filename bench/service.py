"""A service of its own for a measurement: started on a folder, asked over HTTP, weighed, ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from yutang.cli.serve import PROCESSES

YUTANG = str(Path(sys.executable).parent / "yutang")
READY_S_MAX = 120.0
STOP_S_MAX = 60.0
PERIOD_S = 0.01
ROLES = {module: role for role, module in PROCESSES.items()}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


class Service:
    """`yutang serve` on a pool, with ports of its own."""

    def __init__(self, pool: Path, **settings: object) -> None:
        self.pool = pool
        ports = {"listen_port": free_port(), "intake_port": free_port()}
        chosen = {"language": "en", "zone": "UTC", "currency": "USD", **ports, **settings}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("YUTANG_")}
        self.environment = {**kept, **{f"YUTANG_{name.upper()}": str(value) for name, value in chosen.items()}}
        self.url = f"http://127.0.0.1:{ports['listen_port']}"
        self.intake_url = f"http://127.0.0.1:{ports['intake_port']}"
        self._log = (pool.parent / f"{pool.name}.log").open("wb")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it; seconds until it answers a question about a customer."""
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [YUTANG, "--data", str(self.pool), "serve"], env=self.environment, stdout=self._log, stderr=self._log
        )
        while time.perf_counter() - began < READY_S_MAX:
            try:
                self.get("/v1/customers?limit=1")
            except OSError:
                if self._process.poll() is not None:
                    break
                time.sleep(PERIOD_S)
            else:
                return time.perf_counter() - began
        raise SystemExit(f"the service didn't come up:\n{Path(self._log.name).read_text()[-2000:]}")

    def command(self, *arguments: str) -> Any:
        """What a command beside it answers as JSON."""
        command = [YUTANG, "--data", str(self.pool), *arguments, "--json"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def get(self, path: str) -> Any:
        """What the API answers."""
        with urllib.request.urlopen(self.url + path, timeout=READY_S_MAX) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """What the API answers to JSON."""
        asked = urllib.request.Request(
            self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(asked, timeout=READY_S_MAX) as answer:
            return json.load(answer)

    def metrics(self) -> dict[str, float]:
        """The figures of `/metrics` by name and labels, as written there."""
        with urllib.request.urlopen(self.url + "/metrics", timeout=READY_S_MAX) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    def processes(self) -> list[int]:
        """It and its children."""
        assert self._process is not None
        pid = self._process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def used_s(self) -> dict[str, float]:
        """Seconds of processors that each of its processes has used, by what it is."""
        found: dict[str, float] = {}
        for pid in self.processes():
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            role = ROLES.get(words[2] if len(words) > 2 else "", "supervisor")
            ticks = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
            found[role] = found.get(role, 0.0) + sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        return found

    def peak_mb(self) -> float:
        """The most memory that its processes have held, each at its own time."""
        return sum(_high_water_mb(pid) for pid in self.processes())

    def held_mb(self) -> tuple[float, float]:
        """(anonymous, mapped) memory that its processes hold now."""
        found = [_status_mb(pid) for pid in self.processes()]
        anonymous, mapped = (sum(one.get(name, 0.0) for one in found) for name in ("RssAnon", "RssFile"))
        return round(anonymous, 1), round(mapped, 1)

    def kill(self) -> None:
        """`kill -9` of all of it at once."""
        assert self._process is not None
        for pid in self.processes():
            os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """End it in order."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(STOP_S_MAX)
        self._log.close()


def _high_water_mb(pid: int) -> float:
    return _status_mb(pid).get("VmHWM", 0.0)


def _status_mb(pid: int) -> dict[str, float]:
    """The sizes that the system tells of a process."""
    lines = (line.split() for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return {words[0].rstrip(":"): int(words[1]) / 1024 for words in lines if words[-1] == "kB"}
