"""The tree of a condition: typed, frozen, and its own JSON (tag field `node`).

A condition is a `Test`. A test compares a `Subject` (a property, a trait, or a measure over events)
with a `Value`, asks about events, labels, relations, records, or combines other tests. In the filter
of an event set only properties may be compared; inside `any child(…)` record traits may too.

Two-valued: a comparison with an unknown is false and its `not` is true; `Unknown` asks. Sum and count
of none are 0; minimum, maximum, average, first, last, since, age and due of none are unknown.
"""

from __future__ import annotations

from enum import StrEnum
from typing import dataclass_transform

import msgspec


@dataclass_transform(frozen_default=True)  # tells type checkers that the nodes below inherit `frozen`
class Node(msgspec.Struct, frozen=True, tag_field="node", forbid_unknown_fields=True, omit_defaults=True):
    """Base of all nodes: frozen, comparable, hashable, tagged in JSON by its kind."""


class Op(StrEnum):
    """How a subject is compared. The last three are for text and lists."""

    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="
    CONTAINS = "contains"  # a text has the part; a list has the element
    STARTS = "starts_with"
    ENDS = "ends_with"


class Unit(StrEnum):
    """A calendar period, in the definition's zone; weeks start on Monday."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


# ── values ──────────────────────────────────────────────────────────────────────────────────────


class Text(Node, tag="text"):
    """A text, or an element of a list."""

    value: str


class Number(Node, tag="number"):
    """A decimal in its shortest text (`12.5`)."""

    value: str


class Flag(Node, tag="flag"):
    """True or false."""

    value: bool


class Money(Node, tag="money"):
    """An amount in the currency's smallest unit. Text: major units of the pool's currency."""

    minor: int
    currency: str


class Instant(Node, tag="instant"):
    """ms UTC."""

    at: int


class Day(Node, tag="day"):
    """A calendar day, ISO 8601 (`1990-05-01`)."""

    date: str


class Span(Node, tag="span"):
    """A span of time, possibly negative. Text: `1d12h`."""

    ms: int


Value = Text | Number | Flag | Money | Instant | Day | Span

# ── windows; None instead of one means all time up to T ─────────────────────────────────────────


class Rolling(Node, tag="rolling"):
    """(T − span, T]. Text: `30d`."""

    ms: int


class Fixed(Node, tag="fixed"):
    """[start, end), either end open. Text: `from 2017-01-01 to 2017-02-01`, `from …`, `to …`."""

    start: int | None = None
    end: int | None = None


class Last(Node, tag="last"):
    """The last k complete periods before the one that T is in. Text: `last 3 months`."""

    unit: Unit
    count: int


class This(Node, tag="this"):
    """The period that T is in, so far. Text: `this month`."""

    unit: Unit


Window = Rolling | Fixed | Last | This

# ── what is looked at ───────────────────────────────────────────────────────────────────────────


class Property(Node, tag="property"):
    """A property of the event under the filter; `channel`, `source`, `feed` name the event's own."""

    name: str


class Trait(Node, tag="trait"):
    """A trait of the customer. Text: `trait.skin`."""

    name: str


class RecordTrait(Node, tag="record_trait"):
    """A trait of the record under the quantifier. Text: `record.birthday`."""

    name: str


class Events(Node, tag="events"):
    """A set of events: of the types, or bearing the mark, or (both empty) any but state events.

    Text: `order_paid`, `order_paid | item_purchased where amount > 5`, `#visit`, `*`.
    """

    types: tuple[str, ...] = ()
    mark: str = ""
    where: Test | None = None


class Count(Node, tag="count"):
    """How many events. Text: `count(order_paid, 30d)`."""

    events: Events
    window: Window | None = None


class Fold(StrEnum):
    """How the values of a property are made into one."""

    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    DISTINCT = "distinct"
    FIRST = "first"
    LAST = "last"


class Aggregate(Node, tag="aggregate"):
    """A fold over a property. Text: `sum(order_paid.amount where store = "5", 365d)`.

    net (sum of order_paid.amount only): less the amounts of order_refunded in the same window; text: `net`
    instead of `sum`.
    """

    fold: Fold
    events: Events
    property: str
    window: Window | None = None
    net: bool = False


class Since(Node, tag="since"):
    """T − instant of the last (or first) such event: a span. Text: `since_last(order_paid)`, `since_first(*)`."""

    events: Events
    first: bool = False


class Periods(Node, tag="periods"):
    """In how many of the last k complete calendar periods there was an event. Text: `periods(#visit, 4 weeks)`."""

    events: Events
    unit: Unit
    count: int


class Age(Node, tag="age"):
    """Whole units since a date trait, by calendar, clamped (29 February → 28). Text: `age(trait.birthday, months)`."""

    of: Trait | RecordTrait
    unit: Unit = Unit.YEAR


class Due(Node, tag="due"):
    """Span from T to a date trait's first instant (negative once past). Text: `due_in(trait.due_date)`."""

    of: Trait | RecordTrait


class Anniversary(Node, tag="anniversary"):
    """Span from the midnight of T's day to the next anniversary's midnight, 0 on the day itself.

    Text: `anniversary(trait.birthday)`.
    """

    of: Trait | RecordTrait


class RecordCount(Node, tag="record_count"):
    """How many open records of a kind satisfy a test. Text: `count child(age(record.birthday, months) < 12)`."""

    kind: str
    test: Test | None = None


Subject = Property | Trait | RecordTrait | Count | Aggregate | Since | Periods | Age | Due | Anniversary | RecordCount

# ── tests ───────────────────────────────────────────────────────────────────────────────────────


class Compare(Node, tag="compare"):
    """`count(order_paid, 30d) >= 3`, `trait.skin = "oily"`."""

    subject: Subject
    op: Op
    value: Value


class OneOf(Node, tag="one_of"):
    """`trait.city in ("上海", "杭州")`."""

    subject: Subject
    values: tuple[Value, ...]


class Unknown(Node, tag="unknown"):
    """`unknown(trait.city)`."""

    subject: Subject


class Happened(Node, tag="happened"):
    """`happened(order_paid, 30d)`."""

    events: Events
    window: Window | None = None


class Never(Node, tag="never"):
    """`never(order_paid, 90d)`."""

    events: Events
    window: Window | None = None


class EachPeriod(Node, tag="each"):
    """An event in each of the last k complete calendar periods. Text: `each(#visit, 4 weeks)`."""

    events: Events
    unit: Unit
    count: int


class Step(Node, tag="step"):
    """A step of a sequence: within (ms, from the step before, inclusive) and, between the two, none of `without`."""

    events: Events
    within_ms: int | None = None
    without: Events | None = None


class Sequence(Node, tag="sequence"):
    """There is a match: steps strictly after one another in (at, id hash), every event of it in the window.

    Text: `sequence(a then b within 1d without x then c, 30d)`; `total_ms` bounds last − first (inclusive):
    `sequence(a then b then c in 7d, 30d)`.
    """

    steps: tuple[Step, ...]
    total_ms: int | None = None
    window: Window | None = None


class Returned(Node, tag="returned"):
    """An event in the window whose predecessor (the event of the set just before it) lies at least a span before.

    Text: `returned(#visit after 90d, 30d)`. Only the event need lie in the window, not its predecessor; a first
    event has none and doesn't count. An event at t counts for T in the window of t as in `happened`.
    """

    events: Events
    gap_ms: int
    window: Window | None = None


class NotFollowed(Node, tag="not_followed"):
    """An event in the window after which none of `by` came within a span, which has passed.

    Text: `not_followed(message_in by message_out within 1h, 30d)`. True from A + within (no B in (A, A + within]).
    """

    events: Events
    by: Events
    within_ms: int
    window: Window | None = None


class InLabel(Node, tag="in_label"):
    """Has a value of a label ("" for any value of the ladder but none), at T or at a fixed instant.

    for_ms: for at least so long without a break. Text: `in(aipl, "P")`, `in(aipl, "P") for 30d`,
    `in(vip) at 2017-03-01T00:00:00Z`.
    """

    label: str
    value: str = ""
    for_ms: int | None = None
    at: int | None = None


class Moved(Node, tag="moved"):
    """Entered (or left) a label's value within a rolling span. Text: `entered(aipl, "P", 7d)`, `left(vip, 7d)`."""

    label: str
    value: str
    ms: int
    left: bool = False


class HasTag(Node, tag="tag"):
    """Has a tag given by hand. Text: `tag("油皮")`, `tag("油皮", group "肤质")`."""

    tag: str
    group: str = ""


class Consent(Node, tag="consent"):
    """Consent stands for a channel and purpose. Text: `consent("sms", "promotion")`."""

    channel: str
    purpose: str


class Reachable(Node, tag="reachable"):
    """Has an identity that the channel can address and consent to any purpose on it. Text: `reachable("sms")`."""

    channel: str


class Related(Node, tag="related"):
    """Stands in a relation now, with anyone or with the named one.

    Text: `related("friend")`, `related("group_member", "g-17")`. `invited_by("c…")`, `member_of("g-17")` and
    `held_by("wang")` are read as related "invited", "group_member", "friend".
    """

    relation: str
    object: str = ""


class AnyRecord(Node, tag="any_record"):
    """Some open record of the kind satisfies the test. Text: `any child(age(record.birthday, months) >= 6)`."""

    kind: str
    test: Test | None = None


class AllRecords(Node, tag="all_records"):
    """There is an open record of the kind and all satisfy the test. Text: `all child(…)`."""

    kind: str
    test: Test


class Share(Node, tag="share"):
    """A stable random share of the pool in 1/10,000. Text: `share("launch-1", 25%)`."""

    salt: str
    basis_points: int


class Hold(Node, tag="hold"):
    """Leave only after the test has been false for a span. Text: `hold(…, 3d)`."""

    test: Test
    ms: int


class Not(Node, tag="not"):
    """`not a`."""

    test: Test


class All(Node, tag="all"):
    """`a and b`."""

    tests: tuple[Test, ...]


class Any(Node, tag="any"):
    """`a or b`."""

    tests: tuple[Test, ...]


class AtLeast(Node, tag="at_least"):
    """`at least 2 of (a, b, c)`."""

    count: int
    tests: tuple[Test, ...]


class Always(Node, tag="always"):
    """True for everyone. Text: `everyone`."""


Test = (
    Compare
    | OneOf
    | Unknown
    | Happened
    | Never
    | EachPeriod
    | Sequence
    | Returned
    | NotFollowed
    | InLabel
    | Moved
    | HasTag
    | Consent
    | Reachable
    | Related
    | AnyRecord
    | AllRecords
    | Share
    | Hold
    | Not
    | All
    | Any
    | AtLeast
    | Always
)
