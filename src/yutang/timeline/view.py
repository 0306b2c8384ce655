"""What evaluation reads: the events of a batch of customers, as ordered columns.

`View` is the port between where events lie (lake, cache, tail, epochs; `tracks`) and what is asked of
them (`evaluate`). A view is pinned: it answers the same however far the log moves on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from yutang.conditions.vocabulary import Kind, Vocabulary
from yutang.timeline.steps import Flags, Ints


@dataclass(frozen=True, slots=True)
class Column:
    """A property of m events. values: int64[m] in engine units (see Kind), UNKNOWN where absent.

    For STRING and LIST the values are indices into `words` (a LIST's word is its JSON array, compact);
    equal words have equal indices within one column, in no particular order.
    """

    kind: Kind
    values: Ints
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Slice:
    """The events of one type of n customers: customer i has rows offsets[i]:offsets[i+1], ordered by (at, tie).

    tie: the event's id hash, int64 >= 0. columns: those asked for.
    """

    offsets: Ints
    at: Ints
    tie: Ints
    columns: Mapping[str, Column]


class View(Protocol):
    """A batch of n customers at one epoch."""

    @property
    def vocabulary(self) -> Vocabulary: ...

    @property
    def count(self) -> int:
        """n, the number of customers in the batch."""

    def types(self) -> Sequence[str]:
        """The event types of which any row may exist, declared or not, state events included."""

    def is_system(self, type_name: str) -> bool:
        """Whether the type is a state event."""

    def events(self, type_name: str, columns: Sequence[str]) -> Slice:
        """The events of a type, with the named properties; `channel`, `source`, `feed`, `id` and `seq` name the
        event's own. A property that isn't declared is read from the event as sent, as STRING."""

    def first_seen(self) -> Ints:
        """int64[n]: the instant of the earliest event that isn't a state event; NEVER where there is none."""

    def lead_hash(self) -> Ints:
        """int64[n], >= 0: hash64 of the identity of the anchor whose first event (state events aside) is the
        earliest by (at, tie); what random shares are drawn by."""

    def has_identity(self, kinds: Sequence[str]) -> Flags:
        """bool[n]: owns an identity of one of the kinds."""
