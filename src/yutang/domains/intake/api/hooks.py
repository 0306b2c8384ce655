"""Webhooks: the door through which senders that can't be changed speak, and what that door must know of a pool.

A delivery whose signature is right is answered 200 once its events are on disk. One that doesn't map, or only in
part, is kept as it came and answered 202, so that its sender doesn't try for ever; it is replayed later.
Invariant: nothing is kept of a delivery whose signature is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from urllib.parse import parse_qsl

import msgspec

from yutang.domains.intake import store
from yutang.domains.intake.api.delivering import judge_delivery, summary
from yutang.domains.intake.api.receiving import ReceivingDesk
from yutang.domains.intake.contracts import Hook, Problem
from yutang.domains.intake.rules.payloads import Judged
from yutang.domains.intake.rules.signatures import Delivery, Scheme, check_signature, is_ping, read_scheme
from yutang.kernel.clock import MachineClock, SystemClock
from yutang.kernel.errors import NotFoundError, UnauthorizedError
from yutang.runtime.receiving import Answer, Door, Keep, Parcel, RawPayload, Request
from yutang.storage.database import UnitOfWork

PATH = "/v1/hooks/{name}"
PROBLEMS_TOLD_MAX = 20  # one by one, in an answer
HEADERS_KEPT_COUNT_MAX = 64
HEADER_KEPT_CHARS_MAX = 1_000
QUERY_PAIRS_COUNT_MAX = 64
SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie", "x-api-key"})


def secret_path(keys: Path, name: str) -> Path:
    """Where the secret of a hook lies. keys: the pool's folder of that name."""
    return keys / f"hook-{name}.secret"


def read_hooks(uow: UnitOfWork, keys: Path) -> tuple[Hook, ...]:
    """The hooks in force, with their secrets. keys: the pool's folder of that name."""
    return tuple(
        Hook(row.name, row.feed, row.scheme, row.mapping, read_secret(keys, row.name), row.version)
        for row in store.read_hooks(uow)
    )


def read_secret(keys: Path, name: str) -> str:
    """The secret of a hook, "" if it has none."""
    try:
        return secret_path(keys, name).read_text("utf-8")
    except FileNotFoundError:
        return ""


def receive_delivery(desk: ReceivingDesk, request: Request, machine: MachineClock) -> Answer | Keep:
    """Judge one delivery. Raises NotFoundError, UnauthorizedError."""
    name = request.parameters["name"]
    hook = next((one for one in desk.basis.hooks if one.name == name), None)
    if hook is None:
        raise NotFoundError(
            "hook.absent", f"there is no hook {name[:60]!r}", where=request.path, remedy="`yutang hook list` names them"
        )
    scheme = read_scheme(hook.scheme)
    pairs = parse_qsl(request.query, max_num_fields=None)[:QUERY_PAIRS_COUNT_MAX]
    delivery = Delivery(request.headers, dict(pairs), request.body, machine.now_ms() // 1_000)
    if is_ping(scheme, delivery):
        return _answer(scheme, Judged(), 0)
    try:
        check_signature(scheme, hook.secret, delivery)
    except UnauthorizedError as error:
        desk.refused(hook.feed, [Problem(0, error.code, error.where, error.message, error.remedy)])
        raise
    judged = judge_delivery(desk.basis, hook.mapping, request.headers, request.body, request.arrived_at)
    desk.refused(hook.feed, judged.problems)
    return _kept(desk, request, hook, scheme, judged)


def _kept(desk: ReceivingDesk, request: Request, hook: Hook, scheme: Scheme, judged: Judged) -> Answer | Keep:
    parcels = [Parcel(hook.feed, desk.basis.catalogue.version, judged.events)] if judged.events else []
    payloads = []
    if judged.problems:
        hidden = SECRET_HEADERS | {scheme.options.get("header", "").lower()}
        payloads.append(RawPayload(hook.name, headers_kept(request.headers, hidden), request.body, *summary(judged)))
    if not parcels and not payloads:
        return _answer(scheme, judged, 0)

    def answer() -> Answer:  # once they are durable: what wasn't kept must be none that others repeat
        return _answer(scheme, judged, desk.repeats(hook.feed, judged.events) if judged.events else 0)

    return Keep(parcels, answer, payloads)


def headers_kept(headers: Mapping[str, str], hidden: frozenset[str] = SECRET_HEADERS) -> dict[str, str]:
    """The headers that a mended mapping may need, without those that hold secrets."""
    kept = [(name, value[:HEADER_KEPT_CHARS_MAX]) for name, value in headers.items() if name not in hidden]
    return dict(kept[:HEADERS_KEPT_COUNT_MAX])


def _answer(scheme: Scheme, judged: Judged, duplicates: int) -> Answer:
    told: dict[str, object] = {
        "accepted": len(judged.events),
        "duplicates": duplicates,
        "ignored": judged.ignored,
        "rejected": len(judged.problems),
        "problems": judged.problems[:PROBLEMS_TOLD_MAX],
    }
    if scheme.name == "youzan":  # which tries again unless the answer says success
        return Answer(200, msgspec.json.encode({"code": 0, "msg": "success", **told}))
    return Answer(202 if judged.problems else 200, msgspec.json.encode(told))


DOORS: tuple[Door, ...] = (Door("POST", PATH, partial(receive_delivery, machine=SystemClock())),)
