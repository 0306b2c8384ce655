"""The figures that a service gives to Prometheus, read at the moment they are asked for.

`yutang_…`: totals end in `_total`, others carry their unit. What the engine knows comes from its loop, its epoch and
its folder; what intake knows (`yutang_intake_…`) from that process, and is left out while it is away.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from yutang import __version__
from yutang.kernel.instants import SECOND_MS
from yutang.runtime.backup.taking import last_backup
from yutang.runtime.health import IntakeSeen, Watch, file_bytes, folder_bytes, intake_seen, lag_ms, process_use
from yutang.runtime.log.contracts import Epoch, LoopStatus
from yutang.runtime.measures import Measure
from yutang.runtime.pool import Pool
from yutang.runtime.receiving import Counters
from yutang.runtime.slots import PEOPLE, TIMELINE
from yutang.storage.migrations import NEWEST
from yutang.timeline import store as timeline_store

# How long an answer took, in seconds: the promise for a customer's page is 0.05.
ANSWER_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Metrics:
    """One registry of its own for one engine process."""

    def __init__(self, watch: Watch, measures: Sequence[Measure] = ()) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Service(watch, measures))
        self._requests = Counter(
            "yutang_http_requests", "Requests to the API", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "yutang_http_request_duration_seconds", "Time until an answer of the API began", ("method", "route"),
            buckets=ANSWER_BUCKETS_S, registry=self._registry,
        )  # fmt: skip

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """The API answered a request; seconds: until its answer began."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self, accept: str) -> tuple[bytes, str]:
        """All of it as Prometheus reads it, and the content type; accept: the request's header."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class _Service(Collector):
    """Reads everything at scrape time."""

    def __init__(self, watch: Watch, measures: Sequence[Measure]) -> None:
        self._watch = watch
        self._measures = measures

    def describe(self) -> list[Metric]:
        """None ahead of time: names follow from what there is to read."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family with its samples."""
        watch, pool = self._watch, self._watch.pool
        intake = intake_seen(watch.folder)
        yield InfoMetricFamily("yutang_build", "What runs", {"version": __version__, "schema": NEWEST})
        yield _gauge("ready", "Whether /readyz says that the service is ready", float(not watch.reasons()))
        yield _gauge("intake_up", "Whether the intake process answers", float(not intake.trouble))
        yield from _processes(intake)
        yield from _disk(watch)
        if intake.counters is not None:
            yield from _intake(intake.counters)
        if pool is not None:
            status = pool.loop.status()
            yield from _loop(status, pool)
            yield from _state(pool)
            yield from _lake(pool)
            yield from self._measured(pool.loop.epoch)

    def _measured(self, epoch: Epoch) -> Iterator[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for measure in self._measures:
            for sample in measure(epoch):
                family = families.get(sample.name)
                if family is None:
                    family = families[sample.name] = GaugeMetricFamily(
                        f"yutang_{sample.name}", sample.help, labels=list(sample.labels)
                    )
                family.add_metric(list(sample.labels.values()), sample.value)
        yield from families.values()


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"yutang_{name}", told, value=value)


def _gauges(name: str, told: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"yutang_{name}", told, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _total(name: str, told: str, value: float) -> CounterMetricFamily:
    return CounterMetricFamily(f"yutang_{name}", told, value=value)


def _totals(name: str, told: str, labels: Sequence[str], values: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = CounterMetricFamily(f"yutang_{name}", told, labels=list(labels))
    for key, value in values:
        family.add_metric(list(key), value)
    return family


def _loop(status: LoopStatus, pool: Pool) -> Iterator[Metric]:
    lags = {lane: lag / SECOND_MS for lane, lag in lag_ms(status, pool.now_ms()).items()}
    waiting = {lane: float(count) for lane, count in status.waiting_events.items()}
    yield _gauges("lag_events", "Events that wait for the loop", "lane", waiting)
    yield _gauges("lag_seconds", "Pool time for which the oldest unprocessed record has been waiting", "lane", lags)
    yield _total("records_processed", "Records that the loop has processed since it started", status.records_processed)
    yield _total("events_processed", "Events that the loop has processed since it started", status.events_processed)
    yield _gauge("quarantined_records", "Records that couldn't be processed and are kept", status.quarantined)
    yield _gauge("log_records", "Number of the last record of the log", status.seq)
    yield _gauge("log_flushed_records", "Number of the last record that is in the lake", status.flushed_seq)
    yield _gauge("tail_rows", "Rows in memory that aren't in the lake yet", status.tail_rows)
    yield _gauge("loop_stuck", "What keeps the loop from going on or from letting time pass", len(status.stuck))


def _state(pool: Pool) -> Iterator[Metric]:
    epoch, now_ms = pool.loop.epoch, pool.now_ms()
    yield _gauge("pool_time_seconds", "Pool time, as seconds since 1970", now_ms / SECOND_MS)
    yield _gauge("clock_simulated", "Whether pool time differs from machine time", float(epoch.clock.simulated))
    age = max(0, now_ms - epoch.time_ms) / SECOND_MS
    yield _gauge("epoch_age_seconds", "Pool time since the newest published epoch", age)
    yield _gauge("customers", "Customers, those known by state events only included", len(epoch[PEOPLE].heads()))
    rows = sum(track.rows for track in epoch[TIMELINE].tracks.values())
    yield _gauge("timeline_events", "Events on all timelines, the tail included", rows)


def _lake(pool: Pool) -> Iterator[Metric]:
    with pool.database.reading() as uow:
        files = timeline_store.list_files(uow.connection)
    yield _gauge("lake_files", "Files of the lake", len(files))
    yield _gauge("lake_bytes", "Bytes of the lake's files", sum(file.bytes for file in files))
    yield _gauge("lake_rows", "Events in the lake's files", sum(file.rows for file in files))


def _disk(watch: Watch) -> Iterator[Metric]:
    folder = watch.folder
    names = ("yutang.db", "yutang.db-wal", "inbox.db", "inbox.db-wal")
    sizes = {name: float(file_bytes(folder.root / name)) for name in names}
    yield _gauges("database_bytes", "Bytes of the databases and of what waits to be merged into them", "file", sizes)
    yield _gauge("cache_bytes", "Bytes of the cache, which may be deleted", folder_bytes(folder.cache))
    usage = shutil.disk_usage(folder.root)
    yield _gauge("disk_free_bytes", "Room left on the pool's disk", usage.free)
    yield _gauge("disk_bytes", "Size of the pool's disk", usage.total)
    last = last_backup(folder)
    if last is not None:
        taken = last.taken_at / SECOND_MS
        yield _gauge("last_backup_timestamp_seconds", "When the newest backup was taken, in seconds since 1970", taken)


def _processes(intake: IntakeSeen) -> Iterator[Metric]:
    pids = {"engine": os.getpid(), "supervisor": os.getppid(), "intake": intake.pid}
    found = {name: process_use(pid, _TICKS_PER_S, _PAGE_BYTES) for name, pid in pids.items() if pid}
    uses = {name: use for name, use in found.items() if use is not None}
    resident = {name: float(use.resident_bytes) for name, use in uses.items()}
    yield _gauges("process_resident_memory_bytes", "Memory that a process holds", "process", resident)
    cpu = [((name,), use.cpu_s) for name, use in uses.items()]
    yield _totals("process_cpu_seconds", "Time of the processors that a process took", ("process",), cpu)
    files = {name: float(use.open_files) for name, use in uses.items()}
    yield _gauges("process_open_files", "Files and sockets that a process has open", "process", files)
    threads = {name: float(use.threads) for name, use in uses.items()}
    yield _gauges("process_threads", "Threads of a process", "process", threads)


def _intake(seen: Counters) -> Iterator[Metric]:
    started = seen.started_at_ms / SECOND_MS
    yield _gauge("intake_start_time_seconds", "When intake was started, in seconds since 1970", started)
    yield _total("intake_accepted_events", "Events that intake has kept", seen.accepted)
    yield _total("intake_duplicate_events", "Repeats that intake has seen among them", seen.duplicates)
    rejected = [((code,), float(count)) for code, count in seen.rejected.items()]
    yield _totals("intake_rejected_events", "Events that intake has refused, by code", ("code",), rejected)
    yield _total("intake_received_bytes", "Bytes of the bodies that intake has read", seen.bytes_received)
    requests = [(_request(key), float(count)) for key, count in seen.requests.items()]
    yield _totals("intake_requests", "Requests to the doors of intake", ("method", "path", "status"), requests)
    yield _total("intake_commits", "Group commits", seen.commits)
    quantiles = {"0.5": seen.commit_ms_p50 / SECOND_MS, "0.99": seen.commit_ms_p99 / SECOND_MS}
    yield _gauges("intake_commit_seconds", "How long the last thousand group commits took", "quantile", quantiles)
    yield _total("intake_kept_payloads", "Bodies of webhooks that were kept as they came", seen.payloads_kept)
    yield _gauge("intake_waiting_events", "Events that wait, by what intake was told last", seen.waiting_events)
    yield _gauge("intake_basis_version", "Version of what intake judges by", seen.basis_version)


def _request(key: str) -> tuple[str, ...]:
    method, _, rest = key.partition(" ")
    path, _, status = rest.rpartition(" ")
    return (method, path, status)
