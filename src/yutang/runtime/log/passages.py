"""What has passed through the log, read afterwards: for whoever watches. Reading it costs the log nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from yutang.runtime.log import store
from yutang.runtime.log.contracts import EVENTS, Origin
from yutang.storage.database import UnitOfWork


@dataclass(frozen=True, slots=True)
class Passage:
    """A record of events that the log has passed.

    events: how many it has; 0 if it is quarantined, where nobody counted them. repeated, changed: the places, within
    it, of events that repeat an earlier one, and of those of them with another content. error: why it is quarantined.
    """

    seq: int
    arrived_at: int
    origin: Origin
    ref: int
    events: int
    repeated: frozenset[int]
    changed: frozenset[int]
    error: str


def passages(uow: UnitOfWork, after_seq: int, up_to_seq: int, count_max: int) -> Sequence[Passage]:
    """The records of events after a number, up to and with another, newest first."""
    return [_passage(entry) for entry in store.read_newest(uow, EVENTS, after_seq, up_to_seq, count_max)]


def _passage(entry: store.Entry) -> Passage:
    verdict = entry.verdict
    return Passage(
        entry.seq, entry.arrived_at, Origin(entry.origin), entry.ref,
        int(verdict.get("taken", 0)) + int(verdict.get("repeated", 0)),
        frozenset(verdict.get("repeated_at", ())), frozenset(verdict.get("changed_at", ())), entry.error,
    )  # fmt: skip


def bodies_of(
    uow: UnitOfWork, found: Sequence[Passage], inbox: Callable[[Sequence[int]], Mapping[int, bytes]]
) -> dict[int, bytes]:
    """Bodies by the record's number; of records that are in the lake they are gone. inbox: bodies by reference."""
    bodies: dict[int, bytes] = {}
    by_ref = {one.ref: one.seq for one in found if one.origin is Origin.INBOX}
    for ref, body in inbox(sorted(by_ref)).items():
        bodies[by_ref[ref]] = body
    for one in found:
        row = store.read_echo(uow, one.ref) if one.origin is Origin.ECHO else None
        if row is not None:
            bodies[one.seq] = row.body
    return bodies
