"""The fuzz target (atheris): `python -m tests.fuzz.target [CORPUS] [-runs=N] …`, with libFuzzer's options.

The first byte of an input chooses who reads the rest: a door of the intake process (events, lines of them, Segment's
messages, a webhook), or a reader of conditions. Whatever comes, it is answered or refused with an error of the tree,
and what is to be kept is a blob that the log can read. Anything else is a finding.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["yutang.domains.intake", "yutang.conditions", "yutang.kernel"]):
    import msgspec

    from tests.support.intake_world import catalogue_with
    from yutang.conditions.codec import from_json
    from yutang.conditions.grammar import parse
    from yutang.domains.customers.api import kinds_with
    from yutang.domains.intake.api.desk import IntakeDesk
    from yutang.domains.intake.contracts import Hook, IntakeBasis
    from yutang.domains.intake.routes import DOORS
    from yutang.domains.staff.contracts import ApiKey, KeyScope
    from yutang.kernel.clock import SystemClock
    from yutang.kernel.errors import YutangError
    from yutang.kernel.event import Event
    from yutang.runtime.receiving import Answer, Counters, Request

SECRET = "fuzz"
KEY = f"yk_k_{SECRET}"
CATALOGUE = catalogue_with()
NOW_MS = 1_772_000_000_000
STATUS_OF_THE_HOUSE = 500
MAPPING = """\
feed: shop
events:
  - type: order_paid
    id: "{id}"
    at: at
    identities: {member_no: customer.id}
    properties: {order_id: id, amount: total}
"""


def _desk() -> IntakeDesk:
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    key = ApiKey("k", "fuzz", "web", KeyScope.WRITE, digest, "", 0, ("*",), 1_000_000_000)
    hook = Hook("shop", "shop", "none", MAPPING, "", 1)
    basis = IntakeBasis(1, CATALOGUE, kinds_with(), "UTC", "CNY", "CN", False, (key,), (hook,))
    desk = IntakeDesk(Path(tempfile.mkdtemp(prefix="yutang-fuzz-")), SystemClock(), Counters())
    desk.learn(msgspec.msgpack.encode(basis))
    return desk


def _at_door(path: str, media: str) -> Callable[[bytes], None]:
    door = next(one for one in DOORS if one.method == "POST" and one.path == path)
    desk, kept = _desk(), msgspec.msgpack.Decoder(Event)
    headers = {"x-api-key": KEY, "authorization": f"Bearer {KEY}", "content-type": media}

    def read(body: bytes) -> None:
        outcome = door.handler(desk, Request("POST", path, {"name": "shop"}, "", headers, body, NOW_MS))
        if not isinstance(outcome, Answer):
            for parcel in outcome.parcels:
                for event in parcel.events:
                    kept.decode(msgspec.msgpack.encode(event))
            outcome = outcome.answer()
        assert outcome.status < STATUS_OF_THE_HOUSE, outcome
        if outcome.body and outcome.content_type == "application/json":
            msgspec.json.decode(outcome.body)

    return read


def _condition(body: bytes) -> None:
    parse(body.decode("utf-8", "surrogateescape"), CATALOGUE.vocabulary)


def _condition_as_json(body: bytes) -> None:
    from_json(body, CATALOGUE.vocabulary)


READERS = (
    _at_door("/v1/events", "application/json"),
    _at_door("/v1/events", "application/x-ndjson"),
    _at_door("/v1/batch", "application/json"),
    _at_door("/v1/hooks/{name}", "application/json"),
    _condition,
    _condition_as_json,
)


def one_input(data: bytes) -> None:
    """A finding is whatever this raises."""
    if not data:
        return
    try:
        READERS[data[0] % len(READERS)](data[1:])
    except YutangError as error:
        # 507 and 503 are answers of a house in trouble, which a stranger's bytes must not bring about.
        assert error.http_status < STATUS_OF_THE_HOUSE, error


def main() -> None:
    """Fuzz until a finding, or as libFuzzer's options say."""
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
