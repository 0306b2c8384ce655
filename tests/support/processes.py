"""Both processes of a service without their supervisor, so that a test may kill and start either at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.commands import environment
from tests.support.services import WAIT_S_MAX, free_port, wait_for
from yutang.cli.serve import PROCESSES
from yutang.runtime.folder import Folder, FolderLock


class Pair:
    """See the module. Holds the folder's lock, as a supervisor does."""

    def __init__(self, pool: Path, **settings: object) -> None:
        self.folder = Folder(pool)
        self.settings = {"listen_port": free_port(), "intake_port": free_port(), **settings}
        self.intake_url = f"http://127.0.0.1:{self.settings['intake_port']}"
        self.url = f"http://127.0.0.1:{self.settings['listen_port']}"
        self._lock = FolderLock.take(self.folder, "service")
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._log = (pool.parent / "processes.log").open("wb")

    def start(self, role: str, fault: str = "", told: Mapping[str, str] | None = None, module: str = "") -> None:
        """Start one, which dies at a fault point (`point:n`) if one is named. told: variables besides. module: run in
        place of the role's own."""
        extra = {"fault": fault} if fault else {}
        handle = self._lock.handle
        os.set_inheritable(handle, True)
        self._children[role] = subprocess.Popen(
            [sys.executable, "-m", module or PROCESSES[role], str(self.folder.root)], pass_fds=(handle,),
            stdin=subprocess.PIPE, stdout=self._log, stderr=self._log,
            env={**environment(self.folder.root, **self.settings, **extra), **(told or {})},
        )  # fmt: skip

    def pid(self, role: str) -> int:
        """Its process."""
        return self._children[role].pid

    def alive(self, role: str) -> bool:
        """Whether one lives."""
        return self._children[role].poll() is None

    def kill(self, role: str) -> None:
        """`kill -9`, if it lives still."""
        child = self._children[role]
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
        child.wait()

    def await_death(self, role: str, seconds_max: float) -> bool:
        """Whether one dies by itself in so many seconds."""
        try:
            self._children[role].wait(seconds_max)
        except subprocess.TimeoutExpired:
            return False
        return True

    def ready(self, role: str) -> None:
        """Wait until one answers on its socket."""
        path = self.folder.engine_socket if role == "engine" else self.folder.intake_socket
        wait_for(path.exists, f"{role} is up: {self.said()}")

    def said(self) -> str:
        """All that they have printed."""
        return Path(self._log.name).read_text("utf-8", "replace")[-4_000:]

    def stop(self) -> None:
        """End both in order, and give the folder back."""
        for child in self._children.values():
            child.terminate()
        for child in self._children.values():
            try:
                child.wait(WAIT_S_MAX)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            if child.stdin is not None:
                child.stdin.close()
        self._log.close()
        self._lock.release()
