"""`POST /v1/events`: events as JSON, an array of them, one, or one a line.

What is right is kept though others are wrong; the receipt says what came of each. 200 if anything was accepted or
nothing was sent, 422 if all was refused.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import msgspec

from yutang.domains.intake.api.desk import IntakeDesk
from yutang.domains.intake.contracts import (
    REQUEST_BYTES_MAX,
    REQUEST_EVENTS_COUNT_MAX,
    REQUEST_PROBLEMS_COUNT_MAX,
    Problem,
    Receipt,
)
from yutang.domains.intake.rules.swift import pack_outcomes
from yutang.kernel.errors import FormatError, TooLargeError
from yutang.runtime.receiving import Answer, Door, Keep, Parcel, Request

LINES = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"})
# What browsers may send without asking first, and curl by itself, is taken for JSON as well.
WHOLE = frozenset({"", "application/json", "text/plain", "application/x-www-form-urlencoded", "text/json"})


def receive_events(desk: IntakeDesk, request: Request) -> Answer | Keep:
    """The door's handler."""
    key = desk.authorize(request)
    outcomes = desk.read(request.body, request.arrived_at, lines=_by_lines(request))
    if len(outcomes) > REQUEST_EVENTS_COUNT_MAX:
        raise TooLargeError(
            "request.too_many_events", f"{len(outcomes)} events are more than {REQUEST_EVENTS_COUNT_MAX}",
            where="body", remedy="send smaller batches",
        )  # fmt: skip
    desk.spend(key, len(outcomes))
    problems = [one for one in outcomes if type(one) is Problem]
    good = [one for one in outcomes if not isinstance(one, Problem)]
    if problems:
        desk.refused(key.feed, problems, desk.refused_types)
    ids_made = desk.ids_made
    ids = [one.id for one in good]  # all that is held of the events, beside their packed form, until they are kept
    told = tuple(problems[:REQUEST_PROBLEMS_COUNT_MAX])

    def answer() -> Answer:
        return _receipt(Receipt(len(ids), desk.repeated(key.feed, ids), len(problems), ids_made, told))

    if not good:
        return answer()
    version = desk.basis.catalogue.version
    return Keep((Parcel(key.feed, version, packed=pack_outcomes(good), packed_count=len(good)),), answer)


def _by_lines(request: Request) -> bool:
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media in LINES:
        return True
    if media in WHOLE or media.endswith("+json"):
        return False
    raise FormatError(
        "request.media_type", f"{media[:60]!r} isn't a form in which events are read", where="Content-Type",
        remedy="send application/json or application/x-ndjson",
    )  # fmt: skip


def _receipt(receipt: Receipt) -> Answer:
    refused = receipt.rejected and not receipt.accepted
    return Answer(HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK, _encode(receipt))


def _encode(receipt: Receipt) -> bytes:
    try:
        return msgspec.json.encode(receipt)
    except UnicodeEncodeError:  # a message that repeats half of a surrogate pair
        clean = tuple(_printable(problem) for problem in receipt.problems)
        return msgspec.json.encode(replace(receipt, problems=clean))


def _printable(problem: Problem) -> Problem:
    def ascii_of(text: str) -> str:
        return text.encode("utf-8", "backslashreplace").decode()

    return Problem(
        problem.index, problem.code, ascii_of(problem.path), ascii_of(problem.message), ascii_of(problem.remedy)
    )


DOORS = (Door("POST", "/v1/events", receive_events, browser=True, body_bytes_max=REQUEST_BYTES_MAX),)
