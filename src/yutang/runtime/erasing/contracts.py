"""The words of erasing: what is asked, what each pass is told, what is answered."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from yutang.kernel.event import Identity
from yutang.timeline.steps import Ints

REASON_CHARS_MAX = 500


class EraseRecord(msgspec.Struct, frozen=True, array_like=True):
    """The body of an ERASE record. Numbers and a public id only: the record outlives the erasure.

    number: of any identity of the customer. members: all of them as the asker saw them; if they are others by
    then, the record is refused.
    """

    number: int
    customer: str
    members: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Who goes. anchors: whose events go. gone: identities that go, with them. kept: shared ones that stay."""

    customer: str
    anchors: Ints
    gone: tuple[Identity, ...]
    kept: tuple[Identity, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class EraseOrder:
    """Why a customer is erased; without personal data, since it stays with the tombstone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sought:
    """A value that a search looks for, and its kind."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class ErasePreview:
    """What an erasure would take. events: by type. files: of the lake that would be rewritten.

    identities, kept: `kind:value` each; kept: shared with other customers, whose events carried them. values: kind
    and value of the identities that go, as a search takes them.
    """

    customer: str
    identities: tuple[str, ...]
    kept: tuple[str, ...]
    events: dict[str, int]
    files: tuple[str, ...]
    values: tuple[Sought, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was found. what: the value's kind, never the value itself."""

    where: str
    what: str


@dataclass(frozen=True, slots=True)
class Proof:
    """What a search of the whole folder found of the erased identities' values.

    searched: files, and how. left: places that hold a value and shouldn't. others: values that stand in events
    of other customers, which aren't this one's to erase. skipped: values that weren't searched for, and why.
    pending: files that go when the last reader that began before the erasure ends. backups: left alone.
    """

    searched: tuple[str, ...]
    left: tuple[Place, ...]
    others: tuple[Place, ...]
    skipped: tuple[str, ...]
    pending: tuple[str, ...]
    backups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Erasure:
    """A tombstone: that somebody was erased, when (RFC 3339, pool time), by whom and why. No personal data.

    identities, events: how many went.
    """

    seq: int
    customer: str
    at: str
    actor: str
    reason: str
    identities: int
    events: int


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure that is done, what stayed because others share it, and the proof."""

    erasure: Erasure
    kept: tuple[str, ...]
    proof: Proof


@dataclass(frozen=True, slots=True)
class ErasureList:
    """All erasures, newest first."""

    erasures: tuple[Erasure, ...]
