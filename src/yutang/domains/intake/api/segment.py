"""Segment's tracking API, so that the SDKs that people have in their sites and apps feed the pool unchanged.

Every message is judged alone. Whatever comes of it, a request whose body could be read is answered 200 once what was
good in it is durable: SDKs would only send it again or drop the good with the bad. What was refused is counted,
shown, and named in the answer. docs/guides/segment.md tells the rules, and which statuses SDKs try again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import msgspec

from yutang.domains.intake.api.receiving import ReceivingDesk
from yutang.domains.intake.contracts import (
    REQUEST_EVENTS_COUNT_MAX,
    REQUEST_PROBLEMS_COUNT_MAX,
    Problem,
    Receipt,
)
from yutang.domains.intake.rules.segment import Basis, instant_sent, translate
from yutang.kernel.errors import InvalidError, TooLargeError
from yutang.kernel.event import Event
from yutang.runtime.receiving import Answer, Door, Keep, Parcel, Request

BODY_BYTES_MAX = 4 * 1_024 * 1_024  # Segment's own limit is 500 KB a batch

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_SUCCESS = msgspec.json.encode({"success": True})


@dataclass(slots=True)
class _Judged:
    """What came of a request's messages so far."""

    events: list[Event] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    types: list[str] = field(default_factory=list)

    def leave_out(self, problem: Problem, name: object) -> None:
        self.problems.append(problem)
        self.types.append(name[:64] if isinstance(name, str) and name.isprintable() else "")


def receive(desk: ReceivingDesk, request: Request, *, call: str) -> Answer | Keep:
    """Messages of one call, or, call being "", of a batch. Raises InvalidError (the body), TooLargeError, those of
    the desk (the key, its rate)."""
    body = _read(request.body)
    messages = _messages(body, call)
    key = desk.authorize(request, _write_key(body, messages))
    judged = _judge(desk, request, body, messages, call)
    desk.spend(key, max(len(messages), len(judged.events)))  # at once: what is larger than a burst fits a full one
    if judged.problems:
        desk.refused(key.feed, judged.problems, judged.types)
    if not judged.events:
        return _answer(judged, 0, 0)
    parcel = Parcel(key.feed, desk.basis.catalogue.version, judged.events)
    return Keep((parcel,), lambda: _answer(judged, len(judged.events), desk.repeats(key.feed, judged.events)))


def receive_metrics(desk: ReceivingDesk, request: Request) -> Answer:
    """The browser package's figures about itself: they're meant for its makers, and nothing is kept of them."""
    return Answer(200, _SUCCESS)


def send_settings(desk: ReceivingDesk, request: Request) -> Answer:
    """What the browser package asks before it starts: where to send to, and that there is nothing else to load.

    Raises UnauthorizedError, ForbiddenError, InvalidError (no host that it could be told).
    """
    write_key = request.parameters["write_key"]
    desk.authorize(request, write_key)
    host = request.headers.get("x-forwarded-host") or request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        raise InvalidError(
            "segment.host", "the request doesn't say which host it is for", where="Host",
            remedy="send the header Host, without a path",
        )  # fmt: skip
    protocol = "https" if request.headers.get("x-forwarded-proto", "").lower() == "https" else "http"
    ours = {"apiKey": write_key, "apiHost": f"{host}/v1", "protocol": protocol, "versionSettings": {}}
    settings = {
        "integrations": {"Segment.io": ours},
        "plan": {"track": {"__default": {"enabled": True, "integrations": {}}}},
        "edgeFunction": {},
        "analyticsNextEnabled": True,
        "middlewareSettings": {},
        "enabledMiddleware": {},
        "metrics": {"sampleRate": 0, "host": f"{host}/v1"},
        "legacyVideoPluginsEnabled": False,
        "remotePlugins": [],
    }
    return Answer(200, msgspec.json.encode(settings), headers=(("Cache-Control", "no-cache"), ("Vary", "Host")))


# ── the parts of `receive` ──────────────────────────────────────────────────────────────────────


def _read(raw: bytes) -> Mapping[str, object]:
    """The body as an object. NaN and infinities, which some SDKs write, are absence. Raises InvalidError."""
    try:
        try:
            body = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeError):
            body = json.loads(raw, parse_constant=_absent)
    except (ValueError, RecursionError):
        raise InvalidError(
            "segment.unreadable", "the body isn't JSON", remedy='send {"batch": […], "writeKey": …, "sentAt": …}'
        ) from None
    if not isinstance(body, dict):
        raise InvalidError("segment.unreadable", "the body isn't an object", remedy="send an object")
    return body


def _absent(_constant: str) -> None:
    return None


def _messages(body: Mapping[str, object], call: str) -> Sequence[object]:
    if call:
        return [body]
    batch = body.get("batch")
    if not isinstance(batch, list):
        raise InvalidError(
            "segment.no_batch", "there is no list of messages", where="batch", remedy='send {"batch": […]}'
        )
    if len(batch) > REQUEST_EVENTS_COUNT_MAX:
        raise TooLargeError(
            "segment.too_many", f"{len(batch)} messages are more than {REQUEST_EVENTS_COUNT_MAX}", where="batch",
            remedy="send them in several batches",
        )  # fmt: skip
    return batch


def _write_key(body: Mapping[str, object], messages: Sequence[object]) -> str:
    """The key that the body or its first message carries, "" if neither does."""
    first = messages[0] if messages else None
    key = body.get("writeKey") or (first.get("writeKey") if isinstance(first, dict) else None)
    return key if isinstance(key, str) else ""


def _judge(
    desk: ReceivingDesk, request: Request, body: Mapping[str, object], messages: Sequence[object], call: str
) -> _Judged:
    judged = _Judged()
    judge = desk.judge(request.arrived_at)
    known = desk.basis
    sent_at = instant_sent(body.get("sentAt"))
    basis = Basis(known.catalogue.vocabulary, known.strict, known.zone, request.arrived_at, sent_at)
    for index, message in enumerate(messages):
        said = call or (message.get("type") if isinstance(message, dict) else None)
        try:
            found = translate(message, call, basis)
        except InvalidError as error:
            judged.leave_out(Problem(index, error.code, error.where, error.message, error.remedy), said)
            continue
        except RecursionError:
            told = "the message is nested too deeply"
            judged.leave_out(Problem(index, "value.too_deep", "", told, "flatten it"), said)
            continue
        count = len(found.events) + len(found.claims)
        if count + len(judged.events) + len(judged.problems) > REQUEST_EVENTS_COUNT_MAX:
            told = f"with it, the request makes more than {REQUEST_EVENTS_COUNT_MAX} events"
            judged.leave_out(Problem(index, "segment.too_many_events", "", told, "send smaller batches"), said)
            continue
        raws = [(raw, found.at_estimated) for raw in found.events] + [(raw, True) for raw in found.claims]
        for raw, at_estimated in raws:
            event = judge.check(index, raw)
            if isinstance(event, Problem):
                judged.leave_out(event, raw["type"])
            else:
                judged.events.append(msgspec.structs.replace(event, at_estimated=True) if at_estimated else event)
    return judged


def _answer(judged: _Judged, accepted: int, duplicates: int) -> Answer:
    problems = tuple(judged.problems[:REQUEST_PROBLEMS_COUNT_MAX])
    receipt = Receipt(accepted, duplicates, len(judged.problems), 0, problems)
    return Answer(200, msgspec.json.encode({"success": True, **msgspec.to_builtins(receipt)}))


def _door(path: str, call: str) -> Door:
    return Door("POST", f"/v1/{path}", partial(receive, call=call), browser=True, body_bytes_max=BODY_BYTES_MAX)


DOORS: tuple[Door, ...] = (
    *(_door(path, "") for path in ("batch", "b", "import")),
    *(
        _door(path, call)
        for call in ("track", "identify", "page", "screen", "alias", "group")
        for path in (call, call[0])
    ),
    Door("POST", "/v1/m", receive_metrics, browser=True, body_bytes_max=BODY_BYTES_MAX),
    Door("GET", "/v1/projects/{write_key}/settings", send_settings, browser=True, body_bytes_max=0),
)
