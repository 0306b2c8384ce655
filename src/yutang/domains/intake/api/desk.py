"""The desk of the intake process: what doors judge by, from what the engine told last.

Owns the basis (in memory, and as a durable copy for restarts), the checker made of it, the events seen lately, the
refusals that people watch. One thread judges; the basis may be told by another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import structlog

from yutang.domains.intake.api.checking import make_checker, plain_kinds
from yutang.domains.intake.api.gate import Gate
from yutang.domains.intake.contracts import DUPLICATES_SEEN_COUNT_MAX, IntakeBasis, Problem
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.swift import Outcome, SwiftReader
from yutang.domains.staff.contracts import ApiKey
from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import InvalidError, UnavailableError
from yutang.kernel.event import Event
from yutang.runtime.receiving import Counters, Refusal, Request
from yutang.storage.files import write_durably

BASIS_FILE = "intake.basis"
REFUSALS_COUNT_MAX = 1_000
CODES_COUNT_MAX = 256
GENERATIONS = 4  # of the events seen lately; the oldest goes when the newest is full

logger = structlog.get_logger("yutang.intake")


class Lately:
    """The events accepted last, by feed and id: at least the last `count`, at most a quarter more."""

    def __init__(self, count: int) -> None:
        self._each = -(-count // GENERATIONS)
        self._held = 0
        self._young: dict[str, set[str]] = {}
        self._old: deque[dict[str, set[str]]] = deque(maxlen=GENERATIONS)

    def repeats(self, feed: str, ids: Sequence[str]) -> int:
        """How many of some ids repeat one another or one accepted lately; they are accepted lately from now on."""
        new = set(ids)
        young = self._young.setdefault(feed, set())
        fresh = new - young
        young |= fresh
        self._held += len(fresh)
        repeats = len(ids) - len(fresh)
        for generation in self._old:
            known = generation.get(feed)
            if known is not None and not fresh.isdisjoint(known):
                repeats += len(fresh & known)
                fresh -= known
        if self._held >= self._each:
            self._old.append(self._young)
            self._young, self._held = {}, 0
        return repeats


class IntakeDesk:
    """See the module and `ReceivingDesk`. keys: the pool's folder of that name."""

    def __init__(self, keys: Path, machine: MachineClock, counters: Counters) -> None:
        self._file = keys / BASIS_FILE
        self._counters = counters
        self._basis: IntakeBasis | None = None
        self._checker: Checker | None = None
        self._swift: SwiftReader | None = None
        self._lately = Lately(DUPLICATES_SEEN_COUNT_MAX)
        self._refusals: deque[Refusal] = deque(maxlen=REFUSALS_COUNT_MAX)
        self._refusal = 0
        self._now_ms = 0
        self.gate = Gate(machine)
        self._recall()

    # ── the basis ───────────────────────────────────────────────────────────────────────────────

    @property
    def basis(self) -> IntakeBasis:
        """What the engine told last. Raises UnavailableError before it has ever told anything."""
        if self._basis is None:
            raise _no_basis()
        return self._basis

    def learn(self, raw: bytes) -> None:
        """Judge by another basis from now on, and keep it for a restart. raw: as msgpack. Raises InvalidError."""
        basis = _read_basis(raw)
        write_durably(self._file, raw, 0o600)
        self._take(basis)

    def _recall(self) -> None:
        try:
            self._take(_read_basis(self._file.read_bytes()))
        except FileNotFoundError:
            return
        except (InvalidError, OSError) as error:
            logger.warning("the copy of the basis can't be read; waiting for the engine", reason=str(error))

    def _take(self, basis: IntakeBasis) -> None:
        checker = make_checker(
            basis.catalogue, basis.kinds, country=basis.country, strict=basis.strict, now_ms=self._now_ms
        )
        swift = SwiftReader(checker, plain_kinds(basis.kinds))
        self.gate.renew(basis.keys)
        self._checker, self._swift, self._basis = checker, swift, basis
        self._counters.basis_version = basis.version

    # ── judging ─────────────────────────────────────────────────────────────────────────────────

    def authorize(self, request: Request, key: str = "") -> ApiKey:
        """See `ReceivingDesk`."""
        if self._basis is None:
            raise _no_basis()
        return self.gate.authorize(request.headers, key)

    def spend(self, key: ApiKey, events: int) -> None:
        """See `ReceivingDesk`."""
        self.gate.spend(key, events)

    def judge(self, arrived_at: int) -> Checker:
        """See `ReceivingDesk`."""
        checker = self._checker
        if checker is None:
            raise _no_basis()
        self._now_ms = arrived_at
        checker.at(arrived_at)
        return checker

    def read(self, body: bytes, arrived_at: int, *, lines: bool) -> Sequence[Outcome]:
        """The events of a body as `POST /v1/events` takes them, judged. Valid until the next request."""
        reader = self._swift
        if reader is None:
            raise _no_basis()
        self._now_ms = arrived_at
        reader.checker.at(arrived_at)
        return reader.read(body, lines=lines)

    @property
    def ids_made(self) -> int:
        """How many events of the request being judged came without an id."""
        return self._checker.ids_made if self._checker else 0

    @property
    def refused_types(self) -> Sequence[str]:
        """The types of the events that were refused of the request being judged, as they were sent."""
        return self._swift.refused_types if self._swift else ()

    def repeats(self, feed: str, events: Sequence[Event]) -> int:
        """See `ReceivingDesk`."""
        return self.repeated(feed, [event.id for event in events])

    def repeated(self, feed: str, ids: Sequence[str]) -> int:
        """The same by ids alone; counts them as accepted."""
        found = self._lately.repeats(feed, ids)
        self._counters.duplicates += found
        self._counters.accepted += len(ids)
        return found

    def refused(self, feed: str, problems: Iterable[Problem], types: Sequence[str] = ()) -> None:
        """See `ReceivingDesk`."""
        rejected = self._counters.rejected
        for place, problem in enumerate(problems):
            code = problem.code if problem.code in rejected or len(rejected) < CODES_COUNT_MAX else "other"
            rejected[code] = rejected.get(code, 0) + 1
            self._refusal += 1
            type_ = types[place] if place < len(types) else ""
            self._refusals.append(
                Refusal(self._refusal, self._now_ms, feed, type_, problem.code, problem.path, problem.message)
            )

    def refusals(self, since: int) -> list[Refusal]:
        """Those after a number, of the last REFUSALS_COUNT_MAX."""
        return [one for one in list(self._refusals) if one.number > since]


def _no_basis() -> UnavailableError:
    return UnavailableError(
        "intake.no_basis", "the engine hasn't told yet which keys and events there are",
        remedy="send it again in a moment: the service is starting for the first time",
    )  # fmt: skip


def _read_basis(raw: bytes) -> IntakeBasis:
    try:
        return msgspec.msgpack.decode(raw, type=IntakeBasis)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidError(
            "intake.basis", f"that is no basis: {error}", remedy="restart the service: its parts differ in version"
        ) from None
