"""What crosses the door: what questions about everybody have in common.

An answer's figures are counts of customers, and each of them has an address: a *cell*, a mapping from the names of
its coordinates to their values as text (`{"step": "2", "group": "Shanghai"}`). A question with a cell is the set of
customers behind the figure.

An answer says the events that were asked for in the language of conditions, as it understood them, and beside it in
words of the reader's language, as a title.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Cell = Mapping[str, str]

OTHER = "other"  # the group of all that are too few for one of their own
UNKNOWN_GROUP = "unknown"  # the group of those of whom it isn't known: they have no value
_QUOTE = '"'
_OURS = frozenset({"", OTHER, UNKNOWN_GROUP})


def group_name(text: str) -> str:
    """The name of a text's own group. In quotes where it would be a name of ours, or none: `"unknown"` is the group of
    the text, `unknown` of those who have none. So different texts have different names, and none is empty."""
    return f"{_QUOTE}{text}{_QUOTE}" if text in _OURS or text.startswith(_QUOTE) else text


@dataclass(frozen=True, slots=True)
class Scope:
    """Whom a question is about, what of their time it sees, and by what its figures are told apart.

    who: a condition that customers satisfy at `as_of`; "" for everybody. since, as_of: instants; events in
    [since, as_of] are looked at; "" for the beginning, and for pool time. zone: an IANA name, of calendar periods; ""
    for the pool's. by: `trait.NAME`, `label.NAME` (the customer's at `as_of`), `source` (of its first event that
    carries one), `EVENT.PROPERTY` (of its last event up to `as_of` that is of the type, `#mark` or `*`, and carries
    one), or `.PROPERTY` of the event that begins what is counted (where that is a customer, of its first event of the
    set; a customer's stages and memberships begin with no event); "" for no breakdown. groups: how many of the
    largest have figures of their own; the rest is `other`, and who has no value is in `unknown` (see `group_name`).
    """

    who: str = ""
    since: str = ""
    as_of: str = ""
    zone: str = ""
    by: str = ""
    groups: int = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """A scope as it was understood, for the answer to say. sentence: of `who`, "" for everybody.

    customers: how many it is about: who counts at `as_of` and satisfies `who`. groups: of the breakdown, largest first.
    """

    since: str
    as_of: str
    zone: str
    who: str
    sentence: str
    customers: int
    groups: tuple[str, ...] = ()
