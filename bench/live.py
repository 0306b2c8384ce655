"""The figures of live intake, each against a real service on loopback: `python -m bench.live [NAME …]`.

intake    a burst as fast as answers come, the engine processing beside it
pipeline  a fixed rate for a minute, through identity, timeline and labels: does a backlog grow?
fresh     at 5,000 events a second: from handing an event over until its customer's page and labels show it
upkeep_http  at 20,000 events a second, with 200 segments live: from an acknowledgement until a segment has changed
          (`bench.live_upkeep`)
page      customers' pages in a pool of a million, at rest
crash     `kill -9` of all of it with a full tail, until the next answer

The load generator is a process of its own on the same cores (`bench/load.py`), and so is every asker.
"""

from __future__ import annotations

import http.client
import json
import resource
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from bench import pools
from bench.live_upkeep import upkeep_http
from bench.load import Load, run_load
from bench.pages import pages
from bench.results import Row, keep, print_rows
from bench.service import Service
from bench.world import World
from yutang.runtime import warming

BURST_S = 60.0
DRAIN_S_MAX = 900.0
PIPELINE_RATES = (50_000, 60_000, 70_000)
PIPELINE_S = 60.0
SETTLE_S = 15.0  # of a run, before its backlog is looked at
BACKLOG_EVENTS_MAX = 50_000  # a second's worth: more of it at the end than at the beginning is growth
FRESH_RATE = 5_000
FRESH_S = 60.0
FRESH_PAUSE_S = 0.2
POLL_S = 0.01
BATCH = 100
CUSTOMERS = 1_000_000
EVENTS_EACH = 20
JOINED_SHARE = 0.1  # of the customers have two identities
TAIL_EVENTS = 240_000  # under `flush_rows`, so that no file holds them
CRASHES = 3
WAITING = ("yutang_lag_events",)

console = Console()


def _served(scratch: Path, name: str, **settings: object) -> tuple[Service, str]:
    """A service on a pool of its own, and a key to it."""
    service = Service(scratch / name, **settings)
    key = service.command("key", "create", "bench", "--feed", "bench")["key"]
    service.start()
    return service, key


def _waiting(service: Service) -> int:
    """How many events wait for the engine, by its own figures."""
    return int(sum(value for name, value in service.metrics().items() if name.startswith(WAITING)))


def intake(scratch: Path) -> list[Row]:
    """Everything acknowledged must have been taken: what was processed and what waits make up the sum."""
    service, key = _served(scratch, "intake")
    run_load(f"{service.intake_url}/v1/events", key, None, 3.0, seed=9)  # compiled, opened, warm
    load = run_load(f"{service.intake_url}/v1/events", key, None, BURST_S, BATCH)
    accepted = _accepted(service)
    peak_mb = service.peak_mb()
    _wait_drained(service)
    equal = not load.errors and _count(service) == accepted
    service.stop()
    return [_row("intake", load, peak_mb, equal=equal, beside="the engine, processing; the load generator")]


def _accepted(service: Service) -> int:
    return int(sum(v for n, v in service.metrics().items() if n.startswith("yutang_intake_accepted_events_total")))


def _count(service: Service) -> int:
    """Events on timelines."""
    answer = service.command("sql", "SELECT count(*) AS n FROM events")
    return int(answer[0]["n"])


def _wait_drained(service: Service) -> None:
    deadline = time.monotonic() + DRAIN_S_MAX
    while _waiting(service):
        if time.monotonic() > deadline:
            raise SystemExit(f"{_waiting(service):,} events still wait after {DRAIN_S_MAX:.0f} s")
        time.sleep(0.5)


def pipeline(scratch: Path) -> list[Row]:
    """The highest of some rates at which the backlog doesn't grow; each on a pool of 200,000 customers of its own."""
    found: list[Row] = []
    for rate in PIPELINE_RATES:
        service, key = _served(scratch, f"pipeline-{rate}")
        run_load(f"{service.intake_url}/v1/events", key, 10_000, 5.0, seed=9)
        _wait_drained(service)
        backlog: list[int] = []
        with _Watch(lambda service=service: _waiting(service), backlog, 1.0):  # type: ignore[misc]
            load = run_load(f"{service.intake_url}/v1/events", key, rate, PIPELINE_S, BATCH)
        settled = backlog[int(SETTLE_S) :] or [0]
        half = len(settled) // 2 or 1
        grown = statistics.median(settled[half:] or [0]) - statistics.median(settled[:half])
        accepted, peak_mb = _accepted(service), service.peak_mb()
        _wait_drained(service)
        equal = not load.errors and grown < BACKLOG_EVENTS_MAX and _count(service) == accepted
        service.stop()
        console.print(f"  pipeline at {rate:,}/s: backlog {backlog[::10]}, grown by {grown:,.0f}")
        if not equal and found:
            break
        found = [_row("pipeline", load, peak_mb, equal=equal, beside="intake; the load generator at that rate")]
    return found


class _Watch:
    """Looks at something again and again while a block runs."""

    def __init__(self, look: Callable[[], Any], found: list[Any], period_s: float) -> None:
        self._look, self._found, self._period_s = look, found, period_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._ending.wait(self._period_s):
            self._found.append(self._look())

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join()


def fresh(scratch: Path) -> list[Row]:
    """Probes are customers of their own, who order once; seen when page, timeline and label say so."""
    service, key = _served(scratch, "fresh")
    run_load(f"{service.intake_url}/v1/events", key, FRESH_RATE, 5.0, seed=9)
    times_ms: list[float] = []
    ending = threading.Event()
    asker = threading.Thread(target=lambda: _probe(service, key, times_ms, ending), daemon=True)
    asker.start()
    load = run_load(f"{service.intake_url}/v1/events", key, FRESH_RATE, FRESH_S, BATCH)
    ending.set()
    asker.join()
    peak_mb = service.peak_mb()
    service.stop()
    times = sorted(times_ms)
    row = _row("fresh", load, peak_mb, equal=not load.errors, beside=f"{FRESH_RATE:,} events/s; {len(times)} probes")
    return [row.timed(times)]


def _probe(service: Service, key: str, times_ms: list[float], ending: threading.Event) -> None:
    api = http.client.HTTPConnection(service.url.removeprefix("http://"))
    door = http.client.HTTPConnection(service.intake_url.removeprefix("http://"))
    number = 0
    while not ending.wait(FRESH_PAUSE_S):
        number += 1
        who = f"probe-{number}"
        event = {
            "id": who, "type": "order_paid", "at": int(time.time() * 1_000), "identities": {"member_no": who},
            "properties": {"order_id": who, "amount": 12.5},
        }  # fmt: skip
        began = time.perf_counter()
        _asked(door, "POST", "/v1/events", json.dumps([event]), {"X-Api-Key": key, "Content-Type": "application/json"})
        while not _seen(api, who):
            time.sleep(POLL_S)
        times_ms.append((time.perf_counter() - began) * 1_000)


def _seen(api: http.client.HTTPConnection, who: str) -> bool:
    status, labels = _asked(api, "GET", f"/v1/customers/member_no:{who}/labels")
    if status != http.HTTPStatus.OK or "purchase" not in labels:
        return False
    status, timeline = _asked(api, "GET", f"/v1/customers/member_no:{who}/timeline")
    return status == http.HTTPStatus.OK and who in timeline


def _asked(
    connection: http.client.HTTPConnection, method: str, path: str, body: str | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, str]:  # fmt: skip
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def page(scratch: Path) -> list[Row]:
    """Page, labels and timeline of random customers, one after the other, as an operator opens them.

    Asked once the service has brought the columns of a pool that nobody has read into its cache, as it does after a
    start by itself.
    """
    pool = scratch / "million"
    began = time.perf_counter()
    world = World(CUSTOMERS * EVENTS_EACH, CUSTOMERS, JOINED_SHARE, int(time.time() * 1_000))
    pools.make(pool, world)
    console.print(f"  a pool of {CUSTOMERS:,} customers, made in {time.perf_counter() - began:.0f} s")
    service = Service(pool)
    service.start()
    console.print(f"  its columns are in the cache after {_wait_warm(service):.0f} s")
    found = []
    for part, (p50_ms, p99_ms, _) in pages(service.url, CUSTOMERS, world.seed).items():
        seconds = p50_ms / 1_000
        found.append(
            Row(f"page{part.replace('/', ' ')}".strip(), CUSTOMERS * EVENTS_EACH, "yutang", round(seconds, 5),
                round(1 / seconds), round(p50_ms, 2), round(p99_ms, 2), round(service.peak_mb()), beside="nothing")
        )  # fmt: skip
    service.stop()
    return found


def _wait_warm(service: Service) -> float:
    """Until the cache has stopped growing; seconds."""
    began, grown, bytes_then = time.perf_counter(), time.perf_counter(), -1.0
    while time.perf_counter() - grown < 3 * warming.PERIOD_S:
        now = service.metrics()["yutang_cache_bytes"]
        if now != bytes_then:
            bytes_then, grown = now, time.perf_counter()
        time.sleep(1.0)
    return grown - began


def crash(scratch: Path) -> list[Row]:
    """The tail holds as much as it may before it is written to the lake; nothing of it may be missing afterwards."""
    times_s: list[float] = []
    equal = True
    service, key = _served(scratch, "crash")
    for turn in range(CRASHES):
        rate = 20_000
        run_load(f"{service.intake_url}/v1/events", key, rate, TAIL_EVENTS / rate, BATCH, seed=turn)
        accepted = _accepted(service)
        _wait_drained(service)
        counted = _count(service)
        service.kill()
        times_s.append(service.start())
        equal = equal and _count(service) == counted >= accepted
        service.stop()
        shutil.rmtree(service.pool)
        if turn < CRASHES - 1:
            service, key = _served(scratch, "crash")
    median = statistics.median(times_s)
    return [
        Row("crash", TAIL_EVENTS, "yutang", round(median, 3), round(TAIL_EVENTS / median), equal=equal,
            spread=(round(min(times_s), 3), round(max(times_s), 3)), beside="nothing")
    ]  # fmt: skip


def _row(bench: str, load: Load, peak_mb: float, *, equal: bool, beside: str) -> Row:
    return Row(
        bench, load.acked_events, "yutang", round(load.seconds, 3), round(load.per_second), round(load.p50_ms, 2),
        round(load.p99_ms, 2), round(peak_mb, 1), equal=equal, beside=beside,
    )  # fmt: skip


BENCHES: dict[str, Callable[[Path], list[Row]]] = {
    "intake": intake, "pipeline": pipeline, "fresh": fresh, "upkeep_http": upkeep_http, "page": page, "crash": crash,
}  # fmt: skip


def measure(names: Sequence[str]) -> list[Row]:
    """Measure some of the figures, or all of them."""
    found: list[Row] = []
    for name in names or BENCHES:
        console.print(f"[dim]{name} …[/dim]")
        with tempfile.TemporaryDirectory(prefix="yutang-bench-") as scratch:
            found += BENCHES[name](Path(scratch))
    return found


def main() -> None:
    """Measure, keep, print."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    measured = measure(sys.argv[1:])
    keep(measured)
    print_rows(measured)


if __name__ == "__main__":
    main()
