"""A poison record under a service: it alone is set aside, listed with its reason and replayable; the rest goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from tests.support.commands import answer, caller, run
from tests.support.loading import new_pool
from tests.support.services import Service, wait_for

from yutang.cli.quarantine import LIST_COMMAND, ListQuarantine, Quarantined

SETTINGS: dict[str, Any] = {"zone": "UTC", "currency": "USD", "language": "en"}
# No door makes such a thing: bytes that are no batch, and a batch that ends in its midst.
POISONS = (b"\xc1 no batch at all", b"\x93\x01")


def send(service: Service, key: str, id_: str) -> None:
    batch = [{"id": id_, "type": "search", "at": "2024-06-01T00:00:00Z", "identities": {"member_no": id_}}]
    url = f"{service.intake_url}/v1/events"
    assert httpx.post(url, json=batch, headers={"X-Api-Key": key}, timeout=20).status_code == 200


def poison(inbox: Path, body: bytes) -> None:
    """Put a body between the others, as a fault of a disk or of another version would."""
    connection = sqlite3.connect(inbox, timeout=20)
    with connection:
        connection.execute(
            "INSERT INTO blobs (lane, arrived_at, events, body) SELECT 'live', max(arrived_at), 1, ? FROM blobs",
            (body,),
        )
    connection.close()


def found(pool: Path) -> list[str]:
    told = answer(pool, "ask", "happened(search)", **SETTINGS)
    return sorted(told["customers"])


def quarantined(pool: Path) -> Sequence[Quarantined]:
    with caller(pool, **SETTINGS) as at:
        return at.call(LIST_COMMAND, ListQuarantine()).records


def test_it_alone_is_set_aside(tmp_path: Path) -> None:
    pool = tmp_path / "pool"
    key = new_pool(pool, **SETTINGS)
    service = Service(pool, **SETTINGS)
    try:
        send(service, key, "first")
        wait_for(lambda: len(found(pool)) == 1, "the first is there")
        engine = service.pids()["engine"]
        os.kill(engine, signal.SIGSTOP)
        send(service, key, "second")
        for body in POISONS:
            poison(pool / "inbox.db", body)
            send(service, key, f"after-{len(body)}")
        os.kill(engine, signal.SIGCONT)
        wait_for(lambda: len(found(pool)) == 2 + len(POISONS), f"the rest is there: {service.said()}")
        assert service.pids()["engine"] == engine, "nobody died of it"
        said = run(pool, "quarantine", "list", **SETTINGS).stdout
        listed = quarantined(pool)
        assert [one.kind for one in listed] == ["events"] * len(POISONS)
        assert [one.size for one in listed] == [len(body) for body in POISONS]
        assert all(one.error and str(one.seq) in said for one in listed), said
        told = answer(pool, "quarantine", "list", **SETTINGS)
        assert [one["seq"] for one in told["records"]] == [one.seq for one in listed]
        first = listed[0].seq
        done = run(pool, "quarantine", "replay", str(first), ok=False, **SETTINGS)
        assert done.returncode != 0
        assert "quarantine" in done.stderr + done.stdout
        left = [one.seq for one in quarantined(pool)]
        assert first not in left and len(left) == len(POISONS), "it lies there under its new number"
        for seq in left:
            run(pool, "quarantine", "drop", str(seq), **SETTINGS)
        assert not quarantined(pool)
        service.kill("engine")
        service.restarted("engine", engine)
        assert len(found(pool)) == 2 + len(POISONS)
    finally:
        service.close()
