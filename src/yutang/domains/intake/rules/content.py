"""The content of an event as a whole: its canonical bytes, its size, the id made of it; places in messages."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from yutang.domains.intake.contracts import EVENT_ID_CHARS_MAX
from yutang.domains.intake.rules.values import Converter, text_value
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Identity
from yutang.kernel.ids import content_key
from yutang.kernel.limits import EVENT_PROPERTIES_BYTES_MAX, NAME_CHARS_MAX


def label_value(where: str, value: object, chars_max: int) -> str:
    """`channel` or `source`: a short text, "" if absent."""
    if value is None:
        return ""
    text = placed(where, text_value, value)
    assert isinstance(text, str)
    if len(text) > chars_max or not text.isprintable():
        raise InvalidError(
            "event.label", f"{where} is one printable line of at most {chars_max} characters", where=where,
            remedy="shorten it",
        )  # fmt: skip
    return text


def id_value(value: object) -> str:
    """The id as text, "" if absent."""
    if value is None:
        return ""
    text = str(value) if type(value) is int and value.bit_length() <= 256 else placed("id", text_value, value)
    assert isinstance(text, str)
    if not text or len(text) > EVENT_ID_CHARS_MAX or not text.isprintable():
        raise InvalidError(
            "event.id", f"an id is one printable line of 1 to {EVENT_ID_CHARS_MAX} characters", where="id",
            remedy="leave it out to have one made from the content",
        )  # fmt: skip
    return text


def made_id(
    name: str, at: int, identities: tuple[Identity, ...], properties: Mapping[str, object], channel: str, source: str
) -> str:
    """The id of an event that came without one: the same content has the same id."""
    return content_key(name, str(at), *(i.text() for i in identities), _canonical(properties), channel, source)


def judge_size(properties: Mapping[str, object]) -> None:
    """Raise InvalidError if the properties of one event are too large."""
    size = len(_canonical(properties))
    if size > EVENT_PROPERTIES_BYTES_MAX:
        raise InvalidError(
            "event.too_large", f"the properties take {size} bytes, {EVENT_PROPERTIES_BYTES_MAX} is the most",
            where="properties", remedy="larger things belong into media",
        )  # fmt: skip


_encoder = msgspec.json.Encoder(order="sorted")


def _canonical(properties: Mapping[str, object]) -> bytes:
    return _encoder.encode(properties)


def placed(where: str, convert: Converter, value: object) -> object:
    """Convert; an InvalidError gets its place."""
    try:
        return convert(value)
    except InvalidError as error:
        error.where = where
        raise


def safe_name(name: object) -> str:
    """A name as part of a path: cut, printable."""
    text = name if isinstance(name, str) else type(name).__name__
    return text[:NAME_CHARS_MAX] if text[:NAME_CHARS_MAX].isprintable() else ascii(text[:NAME_CHARS_MAX])
