"""Group commit: one thread writes all that waits at once, so that many callers share one wait for the disk.

What has come while the last commit was under way makes the next one: one blob for each feed, whatever the number of
requests. Parts of imports and trims take their turns between commits, in the same thread, so nothing waits for a lock.
Invariant: a ticket is told exactly once, after its commit is on disk or has failed as a whole.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import UnavailableError, YutangError
from yutang.kernel.event import pack_blob, pack_events
from yutang.kernel.limits import BLOB_EVENTS_COUNT_MAX
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.receiving import Keep, Parcel, RawPayload

COMMIT_EVENTS_COUNT_MAX = 65_536
TURNS_A_TRIM_MAX = 4  # before a slice of a trim has its turn, however much waits to be written
COMMITS_TIMED_MAX = 1_000

logger = structlog.get_logger("yutang.intake")

R = TypeVar("R")


@dataclass(slots=True)
class Ticket:
    """What waits to be written. token: the caller's own, handed back with the outcome. events: in it."""

    keep: Keep
    token: Any
    events: int


Outcome = Callable[[Sequence[Ticket], YutangError | None], None]


class GroupWriter:
    """The one that writes to an inbox. told(tickets, error): called in its thread after each commit."""

    def __init__(self, inbox: Inbox, machine: MachineClock, told: Outcome) -> None:
        self._inbox = inbox
        self._machine = machine
        self._told = told
        self._tickets: deque[Ticket] = deque()
        self._calls: deque[Callable[[], None]] = deque()
        self._trims: dict[str, int] = {}
        self._turns_since_trim = 0
        self._give_back = False
        self._wake = threading.Event()
        self._closing = False
        self.commits = 0
        self.payloads = 0  # webhooks' bodies that were kept
        self.commits_ms: deque[float] = deque(maxlen=COMMITS_TIMED_MAX)
        self._thread = threading.Thread(target=self._run, name="inbox writer", daemon=True)
        self._thread.start()

    def submit(self, keep: Keep, token: Any) -> None:
        """Have something kept; `told` says when it is."""
        self._tickets.append(Ticket(keep, token, sum(parcel.count for parcel in keep.parcels)))
        self._wake.set()

    def call(self, work: Callable[[], R]) -> R:
        """Do something with the inbox between two commits, and wait for it; raises what it raises."""
        done = threading.Event()
        found: list[R] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                found.append(work())
            except BaseException as error:
                failed.append(error)
            done.set()

        self._calls.append(run)
        self._wake.set()
        done.wait()
        if failed:
            raise failed[0]
        return found[0]

    def trim(self, refs: Mapping[str, int]) -> None:
        """Remove what is in the lake, by and by."""
        self._trims.update(refs)
        self._wake.set()

    def finish_trims(self) -> None:
        """Remove now what was still to be removed. Inside a `call` only."""
        while self._trim_some():
            pass

    @property
    def alive(self) -> bool:
        """Whether it still writes."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Write what waits, and stop."""
        self._closing = True
        self._wake.set()
        self._thread.join()

    def commit_ms(self) -> tuple[float, float]:
        """How long the last commits took, in ms: the middle one, and the slowest but one in a hundred."""
        times = sorted(self.commits_ms)
        return (times[len(times) // 2], times[len(times) * 99 // 100]) if times else (0.0, 0.0)

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._turn():
                pass
            if self._closing and not self._tickets and not self._calls:
                return

    def _turn(self) -> bool:
        """One commit, the calls that wait, at times a bit of a trim; whether there was anything to do."""
        tickets = self._take()
        if tickets:
            self._commit(tickets)
        calls = len(self._calls)
        for _ in range(calls):  # not those that come meanwhile: tickets wait too
            self._calls.popleft()()
        if not tickets and not calls:
            return self._trim_some()
        self._turns_since_trim += 1
        if self._trims and self._turns_since_trim >= TURNS_A_TRIM_MAX:
            self._turns_since_trim = 0
            self._trim_some()
        return True

    def _take(self) -> list[Ticket]:
        taken: list[Ticket] = []
        events = 0
        while self._tickets and events < COMMIT_EVENTS_COUNT_MAX:
            taken.append(self._tickets.popleft())
            events += taken[-1].events
        return taken

    def _commit(self, tickets: Sequence[Ticket]) -> None:
        begun = self._machine.stopwatch_s()
        error: YutangError | None = None
        try:
            blobs, payloads = combined(tickets)
            if blobs or payloads:
                self._inbox.keep(blobs, payloads)
        except YutangError as raised:
            error = raised
        except Exception as raised:
            logger.exception("couldn't write to the inbox")
            error = UnavailableError(
                "intake.storage", f"it couldn't be kept: {type(raised).__name__}", where="inbox.db",
                remedy="send it again; if that doesn't help, the service's log says why",
            )  # fmt: skip
        else:
            self.payloads += len(payloads)
        self.commits += 1
        self.commits_ms.append((self._machine.stopwatch_s() - begun) * 1_000)
        self._told(tickets, error)

    def _trim_some(self) -> bool:
        if not self._trims:
            if self._give_back:
                self._give_back = False
                self._quietly(self._inbox.give_back)
            return False
        lane = next(iter(self._trims))
        ref = self._trims[lane]
        more = self._quietly(lambda: self._inbox.trim_some(lane, ref))
        if not more and self._trims.get(lane) == ref:
            del self._trims[lane]
            self._give_back = True
        return True

    def _quietly(self, work: Callable[[], Any]) -> Any:
        """Work that nobody waits for; if it fails, the next trim does it."""
        try:
            return work()
        except Exception:
            logger.exception("couldn't trim the inbox")
            return False


def combined(tickets: Sequence[Ticket]) -> tuple[list[tuple[bytes, int]], list[RawPayload]]:
    """The blobs of one commit, each with its count, and the payloads."""
    groups: dict[tuple[str, bool, int], list[list[Parcel]]] = {}
    counts: dict[tuple[str, bool, int], int] = {}
    payloads: list[RawPayload] = []
    for ticket in tickets:
        payloads += ticket.keep.payloads
        for parcel in ticket.keep.parcels:
            if not parcel.count:
                continue
            key = (parcel.feed, parcel.history, parcel.schema_version)
            blobs = groups.setdefault(key, [[]])
            if blobs[-1] and counts[key] + parcel.count > BLOB_EVENTS_COUNT_MAX:
                blobs.append([])
            counts[key] = parcel.count if not blobs[-1] else counts[key] + parcel.count
            blobs[-1].append(parcel)
    return [_packed(key, parcels) for key, blobs in groups.items() for parcels in blobs], payloads


def _packed(key: tuple[str, bool, int], parcels: Sequence[Parcel]) -> tuple[bytes, int]:
    feed, history, version = key
    parts: list[bytes] = []
    for parcel in parcels:
        parts.append(pack_events(parcel.events))
        parts.append(parcel.packed)
    count = sum(parcel.count for parcel in parcels)
    return pack_blob(feed, history, version, parts, count), count
