"""The disk is full under a service at work: intake says 507, reading goes on, nobody dies, and room is all it needs.

Once with a disk of its own that is filled to the last byte, once with a limit of the system on the size of files,
which needs no rights. The engine has work to write when room ends: it is held while events come in.
"""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.support.loading import Sender, new_pool, settled, undisturbed
from tests.support.services import Service, wait_for

DISK_MB = 64
BLOCK_BYTES = 4_096
SETTINGS: dict[str, Any] = {"flush_rows": 400, "zone": "UTC", "currency": "USD", "disk_reserve_mb": 0}
FULL_S = 20.0  # longer than it would take five restarts to end a service
REST_S = 0.02
BATCHES = 40
CUSTOMERS = 5  # asked for again and again


class Room(Protocol):
    folder: Path

    def fill(self, service: Service) -> None: ...

    def free(self, service: Service) -> None: ...


class Disk:
    """A disk of its own, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(folder)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"no disk may be mounted here: {done.stderr}")
        self._ballast = folder / "ballast"

    def fill(self, service: Service) -> None:
        """To the last byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1_048_576, BLOCK_BYTES):
                try:
                    while file.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def free(self, service: Service) -> None:
        self._ballast.unlink()

    def close(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)


class Limit:
    """A limit on the size of files: what would grow beyond it fails."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()

    def fill(self, service: Service) -> None:
        for pid in service.pids().values():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (BLOCK_BYTES, resource.RLIM_INFINITY))

    def free(self, service: Service) -> None:
        for pid in service.pids().values():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def close(self) -> None:
        pass


@pytest.fixture(params=[Disk, Limit])
def room(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Room]:
    made = request.param(tmp_path / "disk")
    yield made
    made.close()


def _customers_seen(service: Service) -> int:
    customers = service.get("/v1/customers", params={"limit": CUSTOMERS})
    assert customers.status_code == 200, customers.text
    return len(customers.json()["customers"])


def test_a_service_outlasts_it(room: Room, tmp_path: Path) -> None:
    pool = room.folder / "pool"
    key = new_pool(pool, **SETTINGS)
    service = Service(pool, **SETTINGS)
    sender = Sender(service.intake_url, key, 0, REST_S, refusals=(429, 503, 507))
    try:
        sender.start()
        wait_for(lambda: len(sender.told) > BATCHES, "events flow")
        wait_for(lambda: _customers_seen(service) == CUSTOMERS, "some of them are processed")
        born = service.pids()
        os.kill(born["engine"], signal.SIGSTOP)
        waiting = len(sender.told)
        wait_for(lambda: len(sender.told) > waiting + 60, "events wait for the engine")
        room.fill(service)
        os.kill(born["engine"], signal.SIGCONT)
        wait_for(lambda: sender.refused[507] > 0, "intake refuses")
        end = time.monotonic() + FULL_S
        while time.monotonic() < end:
            assert _customers_seen(service) == CUSTOMERS
            assert service.get("/healthz").status_code == 200
            assert service.pids() == born, service.said()
            time.sleep(0.2)
        assert service.get("/readyz").status_code == 503, "it says that it can't go on"
        room.free(service)
        taken = len(sender.told)
        wait_for(lambda: len(sender.told) > taken + BATCHES, "events are taken again")
        wait_for(lambda: service.get("/readyz").status_code == 200, "the engine goes on")
        assert service.pids() == born, "without a restart"
    finally:
        sender.ending.set()
        sender.join(30)
        service.close()
    assert sender.failure is None
    found = settled(pool, **SETTINGS)
    assert {row[1] for row in found["events"]} == {id_ for _, ids in sender.told for id_ in ids}
    wanted = undisturbed(tmp_path / "undisturbed", sender.sent, **SETTINGS)
    for part in ("events", "labels", "report"):
        assert found[part] == wanted[part], part
