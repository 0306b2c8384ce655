"""What people may say of identities, and what saying it means for the edit log.

merge(a, b): `same` for the pair, and for the two values of each unique kind that both customers have,
else a part of one would come off. unmerge(a, b): a merge of the pair is withdrawn, what was said before it
holds again; if one merge alone holds them together, that one is withdrawn; if evidence does, the pair is
`different`. settle: a review. The later word about a pair wins; what contradicts other words is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NoReturn

from yutang.domains.customers.contracts import (
    REASON_CHARS_MAX,
    Edit,
    EditKind,
    EditOrder,
    ReviewReason,
    Verdict,
)
from yutang.domains.customers.rules.draft import Draft
from yutang.domains.customers.rules.settle import settled
from yutang.domains.customers.rules.state import CustomersState, Review
from yutang.kernel.errors import ConflictError, InvalidError, NotFoundError
from yutang.kernel.event import Identity

MERGES_TRIED_MAX = 64
SETTLED_MEMBERS_COUNT_MAX = 16

Line = tuple[int, int, Verdict]


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who says it, when (pool time), in which record."""

    actor: str
    at_ms: int
    seq: int


def edit(draft: Draft, order: EditOrder, speaker: Speaker) -> list[Edit]:
    """Put an order into the draft; its lines. Raises InvalidError, NotFoundError, ConflictError."""
    state = draft.base
    if not order.reason.strip() or len(order.reason) > REASON_CHARS_MAX:
        raise InvalidError(
            "edit.reason", f"a reason of 1 to {REASON_CHARS_MAX} characters is needed", where="reason",
            remedy="say why, for those who come after",
        )  # fmt: skip
    a, b = _number(state, order.a), _number(state, order.b)
    if order.kind is EditKind.MERGE:
        lines = _merge_lines(state, a, b)
    elif order.kind is EditKind.UNMERGE:
        lines = _unmerge_lines(state, a, b)
    else:
        lines = _settle_lines(state, a, b, order)
    edits: list[Edit] = []
    for one, other, verdict in lines:
        _refuse_contradiction(draft, one, other, verdict)
        draft.say(one, other, verdict)
        edits.append(
            Edit(
                last_edit(state) + len(edits) + 1, order.kind, verdict, draft.identity(one), draft.identity(other),
                order.a, order.b, speaker.actor, speaker.at_ms, order.reason.strip(), speaker.seq,
            )
        )  # fmt: skip
    draft.edit_rows.extend(edits)
    return edits


def last_edit(state: CustomersState) -> int:
    """The number of the newest line of the edit log, 0 if there is none; lines may have been erased."""
    return state.edits[len(state.edits) - 1].id if len(state.edits) else 0


def review_of(state: CustomersState, a: int, b: int) -> Review | None:
    """The review of a link, or of an identity (a = b), that stands."""
    return next((review for review in state.reviews.get(b) or () if review.a == a), None)


def _number(state: CustomersState, identity: Identity) -> int:
    number = state.index.find(identity)
    if number is None:
        raise NotFoundError("identity.unknown", f"nobody goes by {identity.text()}", remedy="look it up first")
    return number


def _merge_lines(state: CustomersState, a: int, b: int) -> list[Line]:
    if a == b:
        raise InvalidError("edit.one_identity", "a merge needs two identities", remedy="name another one")
    if state.hand.of(a, b) is Verdict.SAME:
        raise ConflictError("edit.merged_already", f"{_pair(state, a, b)} are merged already")
    lines: list[Line] = [(a, b, Verdict.SAME)]
    if state.label(a) == state.label(b):
        return lines
    for one in state.members(a):
        for other in state.hand.different.get(one) or ():
            if state.label(other) == state.label(b) and {one, other} != {a, b}:
                _contradict(state, one, other, "people said that they are different")
    left, right = _unique(state, a), _unique(state, b)
    for space in sorted(left.keys() & right.keys()):
        if {left[space], right[space]} != {a, b}:
            lines.append((left[space], right[space], Verdict.SAME))
    return lines


def _unique(state: CustomersState, number: int) -> dict[int, int]:
    """The strongest member of each unique kind and scope of an identity's customer."""
    found: dict[int, int] = {}
    for member in sorted(state.core(state.label(number)), key=state.strength):
        if state.spaces[member].unique:
            found.setdefault(state.spaces[member].number, member)
    return found


def _unmerge_lines(state: CustomersState, a: int, b: int) -> list[Line]:
    if state.label(a) != state.label(b) or a == b:
        raise ConflictError("edit.apart_already", f"{_pair(state, a, b)} aren't one customer")
    if state.hand.of(a, b) is Verdict.SAME:
        return _withdrawn(state, _merge_of(state, a, b))
    members = set(state.members(a))
    merges = {
        _merge_of(state, one, other) for one in members for other in state.hand.same.get(one) or () if one < other
    }
    causes = [seq for seq in sorted(merges)[:MERGES_TRIED_MAX] if _parts(state, _withdrawn(state, seq), a, b)]
    if len(causes) == 1:
        return _withdrawn(state, causes[0])
    if causes or b in Draft(state).joined_by_hand(a):
        named = ", ".join(_merge_text(state, seq) for seq in (causes or sorted(merges))[:3])
        raise ConflictError(
            "edit.merged_by_others", f"{_pair(state, a, b)} are held together by several merges",
            remedy=f"unmerge one of these first: {named}",
        )  # fmt: skip
    return [(a, b, Verdict.DIFFERENT)]


def _settle_lines(state: CustomersState, a: int, b: int, order: EditOrder) -> list[Line]:
    review = review_of(state, a, b)
    if review is None:
        raise NotFoundError("review.unknown", "this review doesn't stand any more", remedy="list the reviews again")
    if review.reason in (ReviewReason.CAP, ReviewReason.CROWD):
        return _settle_over(state, a, order)
    if order.same:
        return _merge_lines(state, a, b)
    lines: list[Line] = [(a, b, Verdict.DIFFERENT)]
    if review.reason is ReviewReason.UNIQUE and {review.x, review.y} != {a, b}:
        lines.append((review.x, review.y, Verdict.DIFFERENT))
    return lines


def _settle_over(state: CustomersState, hub: int, order: EditOrder) -> list[Line]:
    if not order.same:
        return [(hub, hub, Verdict.DIFFERENT)]
    members = [_number(state, member) for member in order.members]
    if not members or len(members) > SETTLED_MEMBERS_COUNT_MAX:
        raise InvalidError(
            "review.members", f"{state.identities[hub].text()} was seen with many people", where="members",
            remedy="name those to whom it belongs, or settle it as different",
        )  # fmt: skip
    lines = _merge_lines(state, hub, members[0])
    for member in members[1:]:
        lines.extend(_merge_lines(state, members[0], member))
    return lines


def _refuse_contradiction(draft: Draft, a: int, b: int, verdict: Verdict) -> None:
    if verdict is Verdict.NONE or a == b:
        return
    left, right = set(draft.joined_by_hand(a)), set(draft.joined_by_hand(b))
    if verdict is Verdict.DIFFERENT:
        if b in left and draft.verdict(a, b) is not Verdict.SAME:
            _contradict(draft.base, a, b, "people said that they are the same")
        return
    for one in sorted(left):
        for other in draft.different(one):
            if other in right and {one, other} != {a, b}:
                _contradict(draft.base, one, other, "people said that they are different")


def _contradict(state: CustomersState, a: int, b: int, why: str) -> NoReturn:
    raise ConflictError(
        "edit.contradiction", f"{_pair(state, a, b)}: {why}", remedy="withdraw that first, or leave it as it is"
    )


def _merge_of(state: CustomersState, a: int, b: int) -> int:
    """The record in which the `same` of a pair that is in force was said."""
    pair = {state.identities[a], state.identities[b]}
    return next(line.seq for line in reversed(list(state.edits)) if {line.a, line.b} == pair)


def _withdrawn(state: CustomersState, seq: int) -> list[Line]:
    """The lines that bring back what was said before a record."""
    before: dict[tuple[int, int], Verdict] = {}
    lines: dict[tuple[int, int], Verdict] = {}
    for line in state.edits:
        a, b = _number(state, line.a), _number(state, line.b)
        pair = (min(a, b), max(a, b))
        if line.seq < seq:
            before[pair] = line.verdict
        elif line.seq == seq and state.hand.of(a, b) is Verdict.SAME and _merge_of(state, a, b) == seq:
            lines[pair] = before.get(pair, Verdict.NONE)
    return [(a, b, verdict) for (a, b), verdict in lines.items()]


def _parts(state: CustomersState, lines: Iterable[Line], a: int, b: int) -> bool:
    """Whether two identities come apart by some lines."""
    draft = Draft(state)
    for one, other, verdict in lines:
        draft.say(one, other, verdict)
    after = settled(draft).state
    return after.label(a) != after.label(b)


def _pair(state: CustomersState, a: int, b: int) -> str:
    return f"{state.identities[a].text()} and {state.identities[b].text()}"


def _merge_text(state: CustomersState, seq: int) -> str:
    line = next(line for line in state.edits if line.seq == seq)
    return f"{line.asked_a.text()} {line.asked_b.text()}"
