"""Payloads that didn't map: looked at, and replayed once the mapping is mended.

A replay judges a payload by the hook as it is now, wherever it is asked (in the engine, or in a command that has the
pool open), and hands the result to the owner of the inbox, which puts the events in and takes the payload out in one
transaction. Events of it that were taken before come again with the same ids, so they count once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yutang.domains.intake.api.basis import basis_now
from yutang.domains.intake.api.delivering import judge_delivery, summary
from yutang.domains.intake.contracts import Hook, IntakeBasis
from yutang.domains.intake.rules.payloads import REPLAYED_ROWS_COUNT_MAX
from yutang.kernel.errors import NotFoundError
from yutang.kernel.event import EventBlob, encode_blob
from yutang.kernel.instants import instant_text
from yutang.kernel.words import Command, Permission
from yutang.runtime.desk import Desk
from yutang.runtime.inbox.payloads import PAYLOADS_PAGE_COUNT_MAX, KeptPayload, PayloadPage, Settlement

REPLAYED_COUNT_MAX = 20_000  # by one question: twice what a hook may keep
LEFT_TOLD_MAX = 100


@dataclass(frozen=True, slots=True)
class ListPayloads:
    """Question of `intake.payloads`. after: an id; those above it follow. Oldest first."""

    hook: str
    after: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class PayloadLine:
    """A kept payload in a list. at: when it arrived, RFC 3339. size: bytes. code, message: why it is here."""

    id: int
    at: str
    size: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class PayloadList:
    """The payloads of a hook. kept, size: of all. expired, crowded_out: gone, for being too old or too many."""

    hook: str
    payloads: tuple[PayloadLine, ...]
    kept: int
    size: int
    expired: int
    crowded_out: int


@dataclass(frozen=True, slots=True)
class NamedPayload:
    """Question of `intake.payload`."""

    hook: str
    id: int


@dataclass(frozen=True, slots=True)
class PayloadShown:
    """A payload as it came."""

    line: PayloadLine
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class PayloadChoice:
    """Question of `intake.replay` and `intake.drop_payloads`. ids: none: all of the hook."""

    hook: str
    ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What came of a replay.

    replayed: payloads that mapped as a whole and are gone. left: that didn't, with what is wrong now (the first of
    them told). events: handed over, those of the left ones included; what was taken before counts once in the log.
    """

    replayed: int
    left: int
    events: int
    told: tuple[PayloadLine, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """How many payloads were removed."""

    count: int


def list_payloads(desk: Desk, question: ListPayloads) -> PayloadList:
    """The payloads that a hook has kept, oldest first."""
    page: PayloadPage = desk.log.payloads.page(question.hook, question.after, question.limit)
    lines = tuple(
        PayloadLine(one.id, instant_text(one.arrived_at), one.size, one.code, one.message) for one in page.payloads
    )
    return PayloadList(question.hook, lines, page.kept, page.size, page.expired, page.crowded_out)


def show_payload(desk: Desk, question: NamedPayload) -> PayloadShown:
    """One payload with headers and body. Raises NotFoundError."""
    kept = _kept(desk, question.hook, question.id)
    return PayloadShown(_line(kept, kept.head.code, kept.head.message), dict(kept.headers), kept.body)


def replay_payloads(desk: Desk, question: PayloadChoice) -> ReplayReport:
    """Judge payloads again by the hook as it is now. Raises NotFoundError."""
    basis = basis_now(desk)
    hook = next((one for one in basis.hooks if one.name == question.hook), None)
    if hook is None:
        raise NotFoundError(
            "hook.absent", f"there is no hook {question.hook[:60]!r}", remedy="`yutang hook list` names them"
        )
    replayed = left = events = 0
    told: list[PayloadLine] = []
    for kept in _chosen(desk, question):
        settlement = _settlement(basis, hook, kept)
        if not desk.log.payloads.settle(settlement):
            continue  # someone else has just replayed or dropped it
        events += settlement.count
        if settlement.code:
            left += 1
            told += [_line(kept, settlement.code, settlement.message)][: LEFT_TOLD_MAX - len(told)]
        else:
            replayed += 1
    return ReplayReport(replayed, left, events, tuple(told))


def drop_payloads(desk: Desk, question: PayloadChoice) -> Dropped:
    """Remove payloads unread."""
    count = 0
    for ids in _pages([kept.head.id for kept in _chosen(desk, question)]):
        count += desk.log.payloads.drop(ids)
    return Dropped(count)


def _pages(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(ids), PAYLOADS_PAGE_COUNT_MAX):
        yield ids[start : start + PAYLOADS_PAGE_COUNT_MAX]


def _chosen(desk: Desk, question: PayloadChoice) -> Iterator[KeptPayload]:
    """The payloads of a question, each read as its turn comes; all of a hook's oldest first, REPLAYED_COUNT_MAX."""
    if question.ids:
        for number in dict.fromkeys(question.ids[:REPLAYED_COUNT_MAX]):
            yield _kept(desk, question.hook, number)
        return
    after = 0
    for _ in range(REPLAYED_COUNT_MAX // PAYLOADS_PAGE_COUNT_MAX):
        heads = desk.log.payloads.page(question.hook, after, PAYLOADS_PAGE_COUNT_MAX).payloads
        for head in heads:
            kept = desk.log.payloads.show(head.id)
            if kept is not None:
                yield kept
        if not heads:
            return
        after = heads[-1].id


def _kept(desk: Desk, hook: str, number: int) -> KeptPayload:
    kept = desk.log.payloads.show(number)
    if kept is None or kept.head.hook != hook:
        raise NotFoundError(
            "hook.payload_absent", f"{hook} has kept no payload {number}",
            remedy=f"`yutang hook payloads {hook}` lists them",
        )  # fmt: skip
    return kept


def _settlement(basis: IntakeBasis, hook: Hook, kept: KeptPayload) -> Settlement:
    judged = judge_delivery(basis, hook.mapping, kept.headers, kept.body, kept.head.arrived_at, REPLAYED_ROWS_COUNT_MAX)
    blob = encode_blob(EventBlob(hook.feed, False, basis.catalogue.version, judged.events)) if judged.events else b""
    code, message = summary(judged) if judged.problems else ("", "")
    return Settlement(kept.head.id, blob, len(judged.events), code, message)


def _line(kept: KeptPayload, code: str, message: str) -> PayloadLine:
    head = kept.head
    return PayloadLine(head.id, instant_text(head.arrived_at), head.size, code, message)


PAYLOADS = Command("intake.payloads", Permission.KEYS, ListPayloads, PayloadList, list_payloads)
PAYLOAD = Command("intake.payload", Permission.KEYS, NamedPayload, PayloadShown, show_payload)
REPLAY = Command("intake.replay", Permission.KEYS, PayloadChoice, ReplayReport, replay_payloads)
DROP = Command("intake.drop_payloads", Permission.KEYS, PayloadChoice, Dropped, drop_payloads)
