"""What crosses the door of the audience: definitions, memberships, feed rows, answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from yutang.conditions.nodes import Subject, Test

Ints = npt.NDArray[np.int64]

NONE = "none"  # the value of a customer for whom no rung holds
ABSENT = "absent"  # in flows: who had no event yet


class LabelKind(StrEnum):
    """What people call a label; all kinds work the same."""

    TAG = "tag"
    STAGE = "stage"
    TIER = "tier"
    SEGMENT = "segment"


class Cause(StrEnum):
    """Why a label changed. late: by an event older at arrival than a limit, or imported as history.

    retention: events past the time that their type is kept for are gone.
    """

    EVENT = "event"
    LATE = "late"
    TIME = "time"
    IDENTITY = "identity"
    DEFINITION = "definition"
    SNAPSHOT = "snapshot"
    RETENTION = "retention"


@dataclass(frozen=True, slots=True)
class LabelRung:
    """A value of a label and the condition that gives it."""

    value: str
    test: Test
    title_zh: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class Quintile:
    """A label relative to the population: among those who satisfy a test, by a measure.

    5 is best; quintile = 1 + floor(5 × those strictly worse ÷ all), so ties share.
    """

    among: Test
    by: Subject
    low_is_best: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """A definition: a ladder of rungs (a segment or rule tag has one), or a quintile.

    version: 1 for what is built in, one higher with each change. order: the values from the highest down, where that
    isn't the order in which they are tried: by it moves go up or down.
    """

    name: str
    kind: LabelKind
    rungs: tuple[LabelRung, ...] = ()
    quintile: Quintile | None = None
    title_zh: str = ""
    title_en: str = ""
    zone: str = ""
    version: int = 1
    builtin: bool = False
    order: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """The values in ladder order (quintiles best first), without `none`."""
        return ("5", "4", "3", "2", "1") if self.quintile else tuple(rung.value for rung in self.rungs)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A definition that was accepted by a record (seq) and isn't in force yet."""

    label: Label
    seq: int
    actor: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """A row of the change feed. at: the exact instant of the change; known_at: pool time at which it was found.

    customer: the id that the customer had then; it opens the page of whoever that is now. Values are names, `none`
    included.
    """

    label: str
    customer: str
    before: str
    after: str
    at: str
    known_at: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of the change feed, newest first. next: cursor of the following page, "" at the end."""

    changes: tuple[Change, ...]
    next: str


@dataclass(frozen=True, slots=True)
class MembersAnswer:
    """Who had a value of a label at an instant. count: today's customers; customers: the first of them.

    known_at: "" if as known now. then: how many customers they were as they were grouped at `known_at`, which differs
    where customers were joined, parted or erased since.
    """

    label: str
    value: str
    as_of: str
    known_at: str
    count: int
    then: int
    customers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Interval:
    """A stretch of time [since, until) in which a customer has a value."""

    value: str
    since: str
    until: str


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """Both histories of a customer and a label: intervals as known now, and changes as known then, oldest first.

    cut: whether there are older changes than those that are shown.
    """

    label: str
    customer: str
    now: tuple[Interval, ...]
    then: tuple[Change, ...]
    cut: bool


@dataclass(frozen=True, slots=True)
class Membership:
    """A customer's value of a label at an instant: since when it holds, until when if nothing happens.

    since, until: RFC 3339; `beginning` and `never` at the ends. reason: the sentence of the rung that gave it.
    """

    label: str
    kind: LabelKind
    title: str
    value: str
    value_title: str
    since: str
    until: str
    reason: str


@dataclass(frozen=True, slots=True)
class AskQuestion:
    """A condition as text; as_of: an instant, "" for pool time; limit: how many customers to list."""

    condition: str
    as_of: str = ""
    limit: int = 20


@dataclass(frozen=True, slots=True)
class AskAnswer:
    """How many of how many customers satisfy a condition at an instant, and the first of them."""

    condition: str
    sentence: str
    as_of: str
    count: int
    population: int
    customers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExplainQuestion:
    """A customer (id or identity) and a condition."""

    customer: str
    condition: str
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An event that made a part true."""

    type: str
    at: str
    id: str


@dataclass(frozen=True, slots=True)
class Part:
    """A node of an explanation. value: of a measure, in readable units, "" for a test."""

    title: str
    truth: bool
    since: str
    until: str
    value: str = ""
    evidence: tuple[Evidence, ...] = ()
    evidence_left_off: int = 0
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainAnswer:
    """The tree of a condition for one customer at an instant."""

    customer: str
    condition: str
    sentence: str
    as_of: str
    tree: Part


@dataclass(frozen=True, slots=True)
class RungDraft:
    """A value of a label and the condition, as text, that gives it. Titles that are left out stay as they were."""

    value: str
    condition: str
    title_zh: str = ""
    title_en: str = ""


@dataclass(frozen=True, slots=True)
class LabelDraft:
    """A definition as people write it: a ladder, of which the first rung that holds gives the value.

    zone: of its calendar windows and dates, "" for the pool's. Titles that are left out stay as they were.
    """

    name: str
    kind: LabelKind
    rungs: tuple[RungDraft, ...]
    title_zh: str = ""
    title_en: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class RungView:
    """A rung as people read it: its condition as text, and as a sentence."""

    value: str
    title: str
    condition: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Building:
    """A definition being worked out: its version, and for how many customers of all that is done."""

    version: int
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class LabelView:
    """A definition as people read it. A quintile has no rungs; `measure` says what it goes by, and among whom.

    building: a newer version that isn't in force yet; of a label that is new, the one that is shown.
    """

    name: str
    kind: LabelKind
    title: str
    version: int
    builtin: bool
    zone: str
    values: tuple[str, ...]
    rungs: tuple[RungView, ...]
    measure: str = ""
    building: Building | None = None


@dataclass(frozen=True, slots=True)
class CountedLabel:
    """A label and how many customers have each value, `none` for the rest. taken_at: of a quintile, its snapshot.

    A label that isn't in force yet has no counts.
    """

    label: LabelView
    counts: Mapping[str, int]
    taken_at: str = ""


DEFINE = "definition"  # the kind of record by which a label is defined or changed; its body is a DefineRecord


@dataclass(frozen=True, slots=True)
class DefineRecord:
    """A draft as it enters the log."""

    draft: LabelDraft


BUILT = "definition_built"  # the kind by which definitions come into force; its body is a BuiltRecord
DROPPED = "definition_dropped"  # the kind by which one that can't be worked out is given up; a DroppedRecord


@dataclass(frozen=True, slots=True)
class BuiltRecord:
    """Definitions that were worked out beside the loop. build: under which number the builder holds what it found.

    patient: whether the builder would rather catch up more than have many customers evaluated by the loop.
    """

    build: int
    patient: bool


@dataclass(frozen=True, slots=True)
class DroppedRecord:
    """A definition that waits, by name and the number of its record, and why it is given up."""

    name: str
    seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class FeedRows:
    """Changes found at one instant of pool time, as columns; ordered by (at, level of the label, head).

    label: index into `labels`. lead: the identity whose id the customer had. before, after: codes of that label's
    values. cause: index into `Cause`.
    """

    label: Ints
    head: Ints
    lead: Ints
    before: Ints
    after: Ints
    at: Ints
    cause: Ints

    def __len__(self) -> int:
        return len(self.label)

    def only(self, rows: npt.NDArray[np.bool_]) -> FeedRows:
        """Some of the rows."""
        return FeedRows(*(getattr(self, name)[rows] for name in self.__slots__))
