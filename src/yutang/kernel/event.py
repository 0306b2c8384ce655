"""An event as intake accepts and the log keeps it, and the identities that it carries."""

from __future__ import annotations

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
    """

    id: str
    type: str
    at: int
    identities: tuple[Identity, ...]
    properties: dict[str, object]
    channel: str = ""
    source: str = ""
    system: bool = False


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
