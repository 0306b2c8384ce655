"""Cards and pages out of the state and the timeline of one customer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from yutang.domains.customers.contracts import (
    Edit,
    EditCard,
    IdentityCard,
    ReviewCard,
    ReviewReason,
    TimelineEvent,
)
from yutang.domains.customers.rules.reading import Fact, declared, facts
from yutang.domains.customers.rules.state import CustomersState, Review, identity_id
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Identity
from yutang.kernel.ids import content_key
from yutang.kernel.instants import NEVER, instant_from_text, instant_text
from yutang.kernel.limits import LATE_FOR_JOURNEYS_MS
from yutang.timeline.view import View

CURSOR_DIGITS_MAX = 19
REVIEW_TITLES_ZH = {
    ReviewReason.CAP: "共用人数超过上限，已全部拆开",
    ReviewReason.CROWD: "关联身份过多，已全部拆开",
    ReviewReason.UNIQUE: "合并后同一种唯一身份会有两个值",
    ReviewReason.CANNOT: "合并会违反人工判定的“不是同一人”",
}
REVIEW_TITLES_EN = {
    ReviewReason.CAP: "shared by more people than its kind allows; what it joined came apart",
    ReviewReason.CROWD: "seen with too many other identities; what it joined came apart",
    ReviewReason.UNIQUE: "joining them would give one customer two values of a kind that is unique",
    ReviewReason.CANNOT: "joining them would join two that people said are different",
}


def identity_cards(state: CustomersState, number: int, language: str) -> tuple[IdentityCard, ...]:
    """The identities of a customer, strongest first."""
    cards = []
    for member in sorted(state.members(number), key=state.strength):
        identity, spec = state.identities[member], state.spaces[member].spec
        title = (spec.title_zh if language == "zh" else spec.title_en) or spec.name
        cards.append(
            IdentityCard(
                identity_id(identity), identity.kind, title, identity.scope, identity.value, spec.personal, spec.weak,
                spec.declared and not spec.weak, state.over(member),
            )
        )  # fmt: skip
    return tuple(cards)


def edit_cards(state: CustomersState, number: int) -> tuple[EditCard, ...]:
    """The lines of the edit log that concern a customer, newest first."""
    members = {state.identities[member] for member in state.members(number)}
    found = [line for line in state.edits if line.a in members or line.b in members]
    return tuple(_edit_card(line) for line in reversed(found))


def _edit_card(line: Edit) -> EditCard:
    return EditCard(
        line.kind, line.verdict, line.a.text(), line.b.text(), line.actor, instant_text(line.at_ms), line.reason
    )


def review_id(state: CustomersState, review: Review) -> str:
    """The public id of a review: the same as long as the same link is in question."""
    return "r" + content_key(*state.identities[review.a], *state.identities[review.b])


def review_card(state: CustomersState, review: Review, language: str, linked: int = 0) -> ReviewCard:
    """A review as people read it."""
    titles = REVIEW_TITLES_ZH if language == "zh" else REVIEW_TITLES_EN
    ends = dict.fromkeys((review.a, review.b))
    return ReviewCard(
        review_id(state, review),
        review.reason,
        titles[review.reason],
        state.identities[review.a].text(),
        state.identities[review.b].text(),
        (state.identities[review.x].text(), state.identities[review.y].text()),
        tuple(dict.fromkeys(state.public_id(end) for end in ends)),
        linked,
    )


def reviews_in_order(state: CustomersState) -> list[Review]:
    """All reviews, those of the identities seen last first."""
    found = [review for _, some in state.reviews.items() for review in some]
    return sorted(found, key=lambda review: (-review.b, -review.a))


def reviews_of(state: CustomersState, number: int) -> Iterator[Review]:
    """The reviews that concern a customer."""
    members = state.members(number)
    mine = set(members)
    for member in members:
        yield from state.reviews.get(member) or ()
    for member in members:
        for other in state.links.get(member) or ():
            if other not in mine:
                yield from (review for review in state.reviews.get(other) or () if review.a == member)


def find_review(state: CustomersState, wanted: str) -> tuple[Identity, Identity] | None:
    """The ends of a review by its id."""
    for review in reviews_in_order(state):
        if review_id(state, review) == wanted:
            return state.identities[review.a], state.identities[review.b]
    return None


# ── timeline ────────────────────────────────────────────────────────────────────────────────────

Place = tuple[int, int, str]  # at, tie, type


def newest(
    view: View, types: Sequence[str], span: tuple[int, int], before: Place | None, channel: str, limit: int
) -> list[Fact]:
    """The newest events of the one customer of a view: from span[0] on, up to span[1] inclusive, before a place."""
    places: list[tuple[int, int, str, int]] = []
    for name in types:
        found = view.events(name, ("channel",) if channel else ())
        keep = (found.at >= span[0]) & (found.at <= span[1])
        rows = keep.nonzero()[0].tolist()
        if channel:
            column = found.columns["channel"]
            rows = [row for row in rows if column.values[row] >= 0 and column.words[int(column.values[row])] == channel]
        places += [(int(found.at[row]), int(found.tie[row]), name, row) for row in rows]
    if before is not None:
        places = [place for place in places if place[:3] < before]
    places = sorted(places, reverse=True)[:limit]
    by_type: dict[str, list[int]] = {}
    for _, _, name, row in places:
        by_type.setdefault(name, []).append(row)
    found_facts = [fact for name, rows in by_type.items() for fact in facts(view, name, rows)]
    return sorted(found_facts, key=lambda fact: fact.order, reverse=True)


def timeline_event(view: View, fact: Fact, language: str) -> TimelineEvent:
    """An event as people read it."""
    event_type = declared(view, fact.type)
    return TimelineEvent(
        fact.type,
        (event_type.title_zh if language == "zh" else event_type.title_en) or fact.type,
        instant_text(fact.at),
        fact.id,
        fact.properties,
        fact.channel,
        fact.source,
        fact.feed,
        instant_text(fact.arrived_at),
        fact.arrived_at - fact.at > LATE_FOR_JOURNEYS_MS,
        view.is_system(fact.type),
    )


def seen(view: View, instant: int) -> tuple[list[str], list[str]]:
    """RFC 3339 of each customer's first and last event by an instant, state events aside; "" if there is none."""
    first, last = np.full(view.count, NEVER), np.full(view.count, -1)
    for name in view.types():
        if not view.is_system(name):
            found = view.events(name, ())
            owner = np.repeat(np.arange(view.count), np.diff(found.offsets))[found.at <= instant]
            at = found.at[found.at <= instant]
            np.minimum.at(first, owner, at)
            np.maximum.at(last, owner, at)
    return (
        [instant_text(at) if at < NEVER else "" for at in first.tolist()],
        [instant_text(at) if at >= 0 else "" for at in last.tolist()],
    )


def instant_of(text: str, default: int, where: str) -> int:
    """The instant that a text names, the default if it is empty. Raises InvalidError."""
    return instant_from_text(text, where=where) if text else default


def number_of(cursor: str) -> int:
    """A cursor that is a number; -1 for none. Raises InvalidError."""
    if cursor and not (cursor.isdecimal() and len(cursor) < CURSOR_DIGITS_MAX):
        raise _no_cursor()
    return int(cursor) if cursor else -1


def _no_cursor() -> InvalidError:
    return InvalidError(
        "page.cursor", "this isn't a cursor of ours", where="cursor", remedy="use `next` of the page before"
    )


def cursor_of(place: Place) -> str:
    """A place on a timeline as text."""
    return f"{place[0]}.{place[1]}.{place[2]}"


def place_of(cursor: str) -> Place:
    """The place that `cursor_of` wrote. Raises InvalidError."""
    try:
        at, tie, name = cursor.split(".", 2)
        return int(at), int(tie), name
    except ValueError:
        raise _no_cursor() from None
