"""An event as intake accepts and the log keeps it, and the identities that it carries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec


class Identity(NamedTuple):
    """A name that a customer goes by: kind (`openid`), scope (`wx123`, "" where the kind has none), value.

    Normalised: phones in E.164, e-mail addresses in lower case, surrounding blanks cut.
    """

    kind: str
    scope: str
    value: str

    def text(self) -> str:
        """`kind:value` or `kind:scope:value`, as people write and read it."""
        return f"{self.kind}:{self.scope}:{self.value}" if self.scope else f"{self.kind}:{self.value}"


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A fact at an instant about a customer, checked and normalised.

    id: unique in its feed. type: of the catalogue, or unknown and marked. at: ms UTC. identities: at
    least one, sorted as `Identity` sorts. properties: declared ones are converted (money → minor units
    of the pool's currency, instant → ms UTC, number → float, list → list); undeclared ones are as sent.
    system: a state event (trait, tag, consent, record, link), which counts in no figure.
    at_estimated: `at` was reckoned from the sender's clock at delivery, so deliveries of the same event may
    differ in it; the first fixes it, and the others are repeats, not changes.
    """

    id: str
    type: str
    at: int
    identities: tuple[Identity, ...]
    properties: dict[str, object]
    channel: str = ""
    source: str = ""
    system: bool = False
    at_estimated: bool = False


class EventBlob(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The body of one record: the accepted events of one request or of one part of an import.

    feed: what sent them (from the API key or the mapping, never from the payload). history: they change
    labels but enter no journey. schema_version: of the catalogue that normalised them.
    """

    feed: str
    history: bool
    schema_version: int
    events: list[Event]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(EventBlob)


def encode_blob(blob: EventBlob) -> bytes:
    """The blob as the inbox stores it."""
    return _encoder.encode(blob)


def decode_blob(raw: bytes) -> EventBlob:
    """The blob that `encode_blob` wrote."""
    return _decoder.decode(raw)


def pack_events(events: Sequence[Event]) -> bytes:
    """Events as they stand in a blob, one after the other, without what stands around them."""
    if not events:
        return b""
    count = len(events)
    head = 1 if count < 16 else 3 if count < 65_536 else 5  # bytes of msgpack's head of a list
    return _encoder.encode(events)[head:]


def pack_blob(feed: str, history: bool, schema_version: int, packed: Iterable[bytes], count: int) -> bytes:
    """The blob of events that are packed already: what `encode_blob` would have made of all of them."""
    head = b"\x94" + b"".join(_encoder.encode(one) for one in (feed, history, schema_version))
    return b"".join((head, b"\xdd", count.to_bytes(4, "big"), *packed))
