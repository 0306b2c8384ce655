"""`upkeep_http` of `bench.live`: how soon a segment has changed after an event was acknowledged, under a steady load.

Two hundred segments live on a made world of a million events; 20,000 events a second come over HTTP from customers that
it knows, while tails are flushed and files merged. A prober hands over orders of customers of its own, one after the
other, each of whom enters a segment that only they are in, and asks for their labels until those name it.

Load generator, prober and service share the machine: the row says which share of its processors each has used.
`YUTANG_BENCH_POOL`: a folder in which the world is kept for the next time (it is copied); else one is made each time.
"""

from __future__ import annotations

import http.client
import json
import os
import resource
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import pools
from bench.conditions import conditions
from bench.load import Load, MakeBody, run_load, shop_events
from bench.results import Row
from bench.service import Service
from bench.world import World
from yutang.app import BLUEPRINT
from yutang.domains.audience.api import definitions
from yutang.domains.audience.contracts import LabelDraft, LabelKind, RungDraft
from yutang.kernel.clock import SystemClock
from yutang.kernel.faults import NoFaults
from yutang.runtime.folder import Folder
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings

EVENTS, CUSTOMERS = 1_000_000, 50_000  # of the world before the load; the load's people are all in it
BODIES = 500  # of a hundred events each, so that nearly everybody comes
RATE, SECONDS, BATCH = 20_000, 60.0, 100
WARM_S = 5.0
BODY = f"{__name__}:known_events"
SEGMENTS = 200
PROBED, PROBE = "bench_probed", "probe-"
PROBE_PAUSE_S = 0.1
PROBE_WAIT_S_MAX = 15.0  # a probe that isn't seen by then counts as long, and the row isn't equal
POLL_S = 0.02
LOOK_S = 0.5
DRAIN_S_MAX = 60.0
METRICS_TRIES_MAX = 5

console = Console()


@dataclass
class Probing:
    """What the prober saw. times_ms: from each acknowledgement until the change was in the feed. missed: never seen."""

    times_ms: list[float] = field(default_factory=list)
    missed: int = 0
    error: str = ""


def upkeep_http(scratch: Path) -> list[Row]:
    """The row; some two minutes in all, at most five."""
    service, key = _served(scratch)
    try:
        return [_measured(service, key)]
    finally:
        service.stop()


def _measured(service: Service, key: str) -> Row:
    run_load(f"{service.intake_url}/v1/events", key, RATE, WARM_S, BATCH, make_body=BODY, seed=9)
    files: list[float] = []
    probing = Probing()
    used = _used_s(service)
    with (
        repeating(lambda: _probe(service, key, probing), PROBE_PAUSE_S),
        repeating(lambda: files.append(service.metrics()["yutang_lake_files"]), LOOK_S),
    ):
        load = run_load(f"{service.intake_url}/v1/events", key, RATE, SECONDS, BATCH, make_body=BODY)
    shares = _shares(used, _used_s(service), load.seconds)
    return _row(service, load, probing, files, shares)


def known_events(batch: int, seed: int) -> MakeBody:
    """What a shop's customers do who are in the made world."""
    return shop_events(batch, seed, CUSTOMERS, BODIES)


def _served(scratch: Path) -> tuple[Service, str]:
    """A service on the made world, and a key to it."""
    began = time.perf_counter()
    pool = scratch / "upkeep"
    kept = os.environ.get("YUTANG_BENCH_POOL")
    source = Path(kept) if kept else pool
    if not source.exists():
        _make(source)
    if source != pool:
        shutil.copytree(source, pool)
    service = Service(pool)
    key = service.command("key", "create", "bench", "--feed", "bench")["key"]
    service.start()
    console.print(f"  {EVENTS:,} events of {CUSTOMERS:,} customers, served after {time.perf_counter() - began:.0f} s")
    return service, key


def _make(folder: Path) -> None:
    """The world with the segments. They are defined while nobody is there, which takes seconds instead of minutes; the
    service works out where everybody stands when it is started."""
    texts = [(f"bench_{n:03d}", one.text) for n, one in enumerate(conditions(int(time.time() * 1_000), SEGMENTS - 1))]
    texts.append((PROBED, f'happened(order_paid where order_id starts_with "{PROBE}")'))
    place = Folder(folder)
    folder.mkdir(parents=True)
    place.database.touch()
    with closing(Pool(place, Settings(), BLUEPRINT, SystemClock(), NoFaults())) as pool:
        for name, text in texts:
            draft = LabelDraft(name, LabelKind.SEGMENT, (RungDraft("in", text),))
            definitions.define(pool.desk("bench"), draft)
    pools.make(folder, World(EVENTS, CUSTOMERS, end_ms=int(time.time() * 1_000)))


# ── beside the load ─────────────────────────────────────────────────────────────────────────────


class repeating:  # noqa: N801 - read as a word of the `with` that it stands in
    """Does something again and again in a thread of its own while a block runs; what fails is done again."""

    def __init__(self, work: Callable[[], object], pause_s: float) -> None:
        self._work, self._pause_s = work, pause_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ending.wait(self._pause_s):
            with suppress(OSError, http.client.HTTPException):
                self._work()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(2 * PROBE_WAIT_S_MAX)


def _probe(service: Service, key: str, probing: Probing) -> None:
    """One customer more, from the acknowledgement of its order until its labels name the segment."""
    who = f"{PROBE}{len(probing.times_ms)}"
    event = {
        "id": who, "type": "order_paid", "at": int(time.time() * 1_000), "identities": {"member_no": who},
        "properties": {"order_id": who, "amount": 12.5},
    }  # fmt: skip
    headers = {"X-Api-Key": key, "Content-Type": "application/json"}
    status, answer = _asked(service.intake_url, "POST", "/v1/events", json.dumps([event]), headers)
    if status != http.HTTPStatus.OK:
        probing.error = f"{status}: {answer[:200]}"
        return
    acknowledged = time.perf_counter()
    while not (seen := _seen(service, who)) and time.perf_counter() - acknowledged < PROBE_WAIT_S_MAX:
        time.sleep(POLL_S)
    probing.times_ms.append((time.perf_counter() - acknowledged) * 1_000)
    probing.missed += not seen


def _seen(service: Service, who: str) -> bool:
    """The customer isn't known before its order is processed, and by then its labels are."""
    status, labels = _asked(service.url, "GET", f"/v1/customers/member_no:{who}/labels")
    return status == http.HTTPStatus.OK and PROBED in labels


def _asked(
    url: str, method: str, path: str, body: str | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """(status, answer) over a connection of its own: one that is kept is closed by whoever waits longer than it may."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PROBE_WAIT_S_MAX)
    try:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


# ── what came of it ─────────────────────────────────────────────────────────────────────────────


def _row(service: Service, load: Load, probing: Probing, files: list[float], shares: str) -> Row:
    grown = sum(1 for before, after in pairwise(files) if after > before)
    merged = sum(1 for before, after in pairwise(files) if after < before)
    accepted, held, peak_mb = _accepted(service), service.held_mb(), service.peak_mb()
    waited = _waiting(service)
    drained = _drained(service)
    counted = int(service.command("sql", "SELECT count(*) AS n FROM events")[0]["n"]) if drained else 0
    equal = (
        not load.errors and not probing.error and bool(probing.times_ms) and not probing.missed
        and counted >= accepted and grown > 0 and merged > 0
    )  # fmt: skip
    beside = (
        f"{SEGMENTS} segments on {EVENTS:,} events; {len(probing.times_ms)} probes, {probing.missed} missed; "
        f"{grown} flushes, {merged} merges; {waited:,} waited at last; {shares}"
        + (f"; errors {load.errors}" if load.errors else "") + (f"; {probing.error}" if probing.error else "")
    )  # fmt: skip
    row = Row(
        "upkeep_http", load.acked_events, "yutang", round(load.seconds, 3), round(load.per_second),
        peak_mb=round(peak_mb, 1), equal=equal, beside=beside, rss_anon_mb=held[0], mapped_mb=held[1],
    )  # fmt: skip
    return row.timed(sorted(probing.times_ms))


def _sum(service: Service, name: str) -> int:
    return int(sum(value for one, value in _metrics(service).items() if one.startswith(name)))


def _metrics(service: Service) -> dict[str, float]:
    """Its figures; a service under full load may not tell them at the first time of asking."""
    for _ in range(METRICS_TRIES_MAX - 1):
        with suppress(OSError):
            return service.metrics()
        time.sleep(LOOK_S)
    return service.metrics()


def _accepted(service: Service) -> int:
    return _sum(service, "yutang_intake_accepted_events_total")


def _waiting(service: Service) -> int:
    return _sum(service, "yutang_lag_events")


def _drained(service: Service) -> bool:
    deadline = time.perf_counter() + DRAIN_S_MAX
    while _waiting(service):
        if time.perf_counter() > deadline:
            return False
        time.sleep(LOOK_S)
    return True


def _used_s(service: Service) -> dict[str, float]:
    """Seconds of processors used so far, by who used them. What ends (the load generator) counts once it has ended."""
    mine, ended = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    used: dict[str, Any] = service.used_s()
    return used | {"prober": mine.ru_utime + mine.ru_stime, "load": ended.ru_utime + ended.ru_stime}


def _shares(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> str:
    """Of all processors, what each took."""
    whole = seconds * (os.cpu_count() or 1)
    shares = {who: (used - before.get(who, 0.0)) / whole for who, used in after.items()}
    return "CPU " + ", ".join(f"{who} {share:.0%}" for who, share in sorted(shares.items(), key=lambda one: -one[1]))
