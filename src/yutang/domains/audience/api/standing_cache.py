"""The standings kept in `cache/`, so that a start needn't work them out for everybody.

Kept are the codes and dues at one epoch, with whose they are. A start takes them over if nothing but events, identity
edits and time came after, under the same definitions and declarations, and evaluates only those customers who may
stand elsewhere by now: whom later rows belong to, whose identities changed, who is due. Else it evaluates everybody.

Invariants: derived, and deletable at any time. The database names the file that counts, by its checksum, and does so
after the file is on disk: what is torn, or of another past (a database that was put back), is never taken for it.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from yutang import __version__
from yutang.conditions.nodes import Unit
from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.rules.changes import AudienceState
from yutang.domains.audience.rules.standings import NO_VALUE, Codes, Truths, words_count
from yutang.domains.customers.contracts import IDENTITY_EDIT
from yutang.kernel.instants import NEVER
from yutang.runtime.log.contracts import CLOCK, EVENTS, Epoch
from yutang.runtime.log.keeping import Mark, read_mark, write_mark
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.storage.database import Database, UnitOfWork
from yutang.storage.files import write_durably
from yutang.timeline.boundaries import calendar
from yutang.timeline.people import NO_ANCHOR, People
from yutang.timeline.plan import Plan
from yutang.timeline.steps import Ints
from yutang.timeline.tracks import TimelineState

EDITION = 2  # of the file, and of what evaluation makes of a timeline; one more with each change of either
OWNER = "standings"  # of the mark of the file that counts
FOLLOWED = frozenset({EVENTS, CLOCK, IDENTITY_EDIT})  # kinds of records after which the rest still stands
_HEAD_BYTES = 8  # the length of the head, at the beginning
_DUE = "q"
_TYPES: Mapping[str, np.dtype[Any]] = {"b": np.dtype(np.int8), "h": np.dtype(np.int16), _DUE: np.dtype(np.int64)}
_BITS = "1"  # of a ladder of one rung: a bit a customer


class Head(msgspec.Struct, frozen=True):
    """What a file holds. forms: of each ladder's codes. keys: of the leaves whose truths follow, with when inputs are
    looked at again. anchors: how many; joined: those that aren't their own heads, with their heads, as int64 at the
    end."""

    fingerprint: str
    seq: int
    time_ms: int
    anchors: int
    joined: int
    forms: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kept:
    """Standings as they were at a record. codes: by ladder. head_of: of each anchor that there was."""

    seq: int
    codes: Sequence[Codes]
    due: Ints
    truths: Truths
    head_of: Ints


def fingerprint(plan: Plan, vocabulary: Vocabulary) -> str:
    """Of all that decides what a timeline comes to: definitions, declarations, calendars, this program."""
    definitions = [plan.find(name) for name in plan.names]
    zones = sorted({vocabulary.zone, *(one.zone for one in definitions if one.zone)})
    tables: Sequence[Mapping[str, object]] = (vocabulary.events, vocabulary.traits, vocabulary.records)
    declared = [[(name, table[name]) for name in sorted(table)] for table in tables]
    digest = blake2b(digest_size=16)
    for text in (__version__, str(EDITION), repr(definitions), repr(declared), vocabulary.currency, *zones):
        digest.update(len(text).to_bytes(8, "little") + text.encode("utf-8", "surrogatepass"))
    for zone in zones:
        digest.update(calendar(zone).begins(Unit.DAY).tobytes())
    return digest.hexdigest()


# ── keeping ─────────────────────────────────────────────────────────────────────────────────────────


def keep(folder: Path, database: Database, epoch: Epoch) -> Mark | None:
    """Keep the standings of an epoch; None if they aren't worked out. Any thread. Raises OSError, DiskFullError."""
    if not epoch[AUDIENCE].derived:
        return None
    content = packed(epoch)
    mark = Mark(epoch.seq, epoch.time_ms, f"standings-{epoch.seq}-{zlib.crc32(content):08x}.bin")
    write_durably(folder / mark.name, content)
    write_mark(database, OWNER, mark)
    sweep(folder, mark.name)
    return mark


def packed(epoch: Epoch) -> bytes:
    """The file of an epoch's standings."""
    state: AudienceState = epoch[AUDIENCE]
    table, people, count = state.standings.table, state.people, len(state.standings.names)
    forms, parts = [], []
    for place in range(count):
        codes = table.whole(place)
        single = int(codes.max(initial=NO_VALUE)) <= 0
        forms.append(_BITS if single else codes.dtype.char)
        parts.append(np.packbits(codes == 0).tobytes() if single else codes.tobytes())
    truths = state.standings.truths()
    parts += [column.tobytes() for column in (table.whole(count), truths.due, truths.words)]
    head_of = people.head_of[: table.length]
    joined = np.flatnonzero(head_of != np.arange(len(head_of)))
    parts += [joined.tobytes(), head_of[joined].tobytes()]
    mark = fingerprint(state.plan, epoch[VOCABULARY])
    head = Head(mark, epoch.seq, epoch.time_ms, table.length, len(joined), "".join(forms), truths.keys)
    encoded = msgspec.msgpack.encode(head)
    return b"".join((len(encoded).to_bytes(_HEAD_BYTES, "little"), encoded, *parts))


def sweep(folder: Path, kept: str) -> None:
    """Delete the files that don't count."""
    for path in folder.glob("standings-*"):
        if path.name != kept:
            path.unlink(missing_ok=True)


# ── taking over ─────────────────────────────────────────────────────────────────────────────────────


def marked(uow: UnitOfWork, epoch: Epoch) -> Mark | None:
    """The file that counts, if what came after it can be followed."""
    found = read_mark(uow, OWNER)
    if found is None:
        return None
    mark, after = found
    return mark if mark.seq <= epoch.seq and mark.time_ms <= epoch.time_ms and after <= FOLLOWED else None


def kept_by(folder: Path, mark: Mark, epoch: Epoch) -> Kept | None:
    """What a file holds; None if it isn't there, isn't whole, or doesn't fit the definitions in force."""
    try:
        content = (folder / mark.name).read_bytes()
    except OSError:
        return None
    if not mark.name.endswith(f"-{zlib.crc32(content):08x}.bin"):
        return None
    start = _HEAD_BYTES + int.from_bytes(content[:_HEAD_BYTES], "little")
    try:
        head = msgspec.msgpack.decode(content[_HEAD_BYTES:start], type=Head)
    except msgspec.MsgspecError:
        return None  # another version's, which had other heads
    state = epoch[AUDIENCE]
    same = head.fingerprint == fingerprint(state.plan, epoch[VOCABULARY]) and len(head.forms) == len(state.plan.names)
    return _unpacked(head, content, start) if same and head.anchors <= epoch[PEOPLE].count else None


def _unpacked(head: Head, content: bytes, start: int) -> Kept:
    at, codes = start, []

    def column(form: str, count: int) -> Ints:
        nonlocal at
        kind = _TYPES[form]
        found: Ints = np.frombuffer(content, kind, count, at)
        at += count * kind.itemsize
        return found

    for form in head.forms:
        if form == _BITS:
            bits = np.frombuffer(content, np.uint8, -(-head.anchors // 8), at)
            at += len(bits)
            codes.append(np.unpackbits(bits, count=head.anchors).astype(np.int8) + np.int8(NO_VALUE))
        else:
            codes.append(column(form, head.anchors))
    due, given = column(_DUE, head.anchors), column(_DUE, head.anchors)
    words = column(_DUE, head.anchors * words_count(head.keys)).reshape(head.anchors, words_count(head.keys))
    joined, heads = column(_DUE, head.joined), column(_DUE, head.joined)
    head_of = np.arange(head.anchors)
    head_of[joined] = heads
    return Kept(head.seq, codes, due, Truths(head.keys, words, given), head_of)


def unsettled(kept: Kept, epoch: Epoch) -> tuple[Ints, Ints]:
    """(customers who may stand elsewhere than when it was kept, ascending; anchors that head nobody any more)."""
    people: People = epoch[PEOPLE]
    then, now = kept.head_of, people.head_of[: len(kept.head_of)]
    moved = then != now
    former = then[moved]
    heads = [
        people.head_of[_anchors_after(epoch[TIMELINE], kept.seq)],
        people.head_of[len(then) :],
        now[moved],
        people.head_of[former[former != NO_ANCHOR]],
        np.flatnonzero((kept.due <= epoch.time_ms) & (now == np.arange(len(now)))),
    ]
    found = np.unique(np.concatenate(heads))
    gone = np.flatnonzero((then == np.arange(len(then))) & moved)
    return found[found != NO_ANCHOR], gone


def _anchors_after(state: TimelineState, seq: int) -> Ints:
    """The anchors of all rows of later records."""
    old = {file.name for file in state.files if file.seq_to <= seq}
    found = [np.empty(0, np.int64)]
    for track in state.tracks.values():
        for run in track.runs:
            if run.file not in old:
                found.append(run.anchor[run.stored("seq").values > seq])
    return np.concatenate(found)


def widened(kept: Kept, anchors: int, gone: Ints) -> tuple[list[Codes], Ints, Truths]:
    """(codes, dues, truths) for as many anchors as there are now, of nobody's own memory; those that are gone have
    none."""

    def wide(column: Codes | Ints, filler: int) -> Any:
        found = np.full((anchors, *column.shape[1:]), filler, column.dtype)
        found[: len(column)] = column
        found[gone] = filler
        return found

    truths = Truths(kept.truths.keys, wide(kept.truths.words, 0), wide(kept.truths.due, NEVER))
    return [wide(column, NO_VALUE) for column in kept.codes], wide(kept.due, NEVER), truths
