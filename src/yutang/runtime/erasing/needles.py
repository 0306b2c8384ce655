"""What a search looks for: the values of identities as bytes, phones without their country too, whatever their case.

Bodies that senders wrote are kept as they came, so a value is looked for as JSON and forms escape it as well. A value
that is too short to tell from chance inside other bytes is looked for as a whole value only. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from yutang.kernel.event import Identity

RAW_BYTES_MIN = 6  # shorter values occur in other words and numbers by chance


@dataclass(frozen=True, slots=True)
class Needles:
    """parts: found anywhere, whatever the case. wholes: values by themselves. kinds: of a value, lower case."""

    parts: re.Pattern[bytes] | None
    wholes: frozenset[str]
    kinds: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.kinds)

    def within(self, raw: bytes) -> set[str]:
        """The kinds of the values that occur in some bytes."""
        if self.parts is None:
            return set()
        return {self.kinds[found.group().lower().decode()] for found in self.parts.finditer(raw)}

    def of(self, value: object) -> set[str]:
        """The kinds of the values that a cell holds: in part, or as a whole where they are short."""
        if isinstance(value, str):
            whole = value.lower()
            found = self.within(value.encode("utf-8", "surrogatepass"))
            return found | {self.kinds[whole]} if whole in self.wholes else found
        return self.within(value) if isinstance(value, bytes) else set()


def needles_of(identities: Iterable[Identity]) -> Needles:
    """What to look for."""
    kinds: dict[str, str] = {}
    for identity in identities:
        for spelling in _spellings(identity.value):
            for written in (spelling, spelling.lower(), spelling.upper()):
                for escaped in (written, json.dumps(written)[1:-1], quote(written, safe="")):
                    kinds.setdefault(_in_ascii_lower(escaped), identity.kind)
    long = [value for value in kinds if len(value.encode()) >= RAW_BYTES_MIN]
    ordered = sorted(long, key=len, reverse=True)
    pattern = re.compile(b"|".join(re.escape(value.encode()) for value in ordered), re.IGNORECASE) if long else None
    return Needles(pattern, frozenset(kinds) - frozenset(long), kinds)


def _in_ascii_lower(text: str) -> str:
    """As a search of bytes tells cases apart: those of other letters stay."""
    return text.encode("utf-8", "surrogatepass").lower().decode("utf-8", "surrogatepass")


def _spellings(value: str) -> list[str]:
    """A value as it is kept; of an international phone number, the number inside its country as well."""
    if not (value.startswith("+") and value[1:].isdecimal()):
        return [value]
    import phonenumbers  # heavy: only for phones

    try:
        national = str(phonenumbers.parse(value, None).national_number)
    except phonenumbers.NumberParseException:
        national = value[1:]
    return [value, national] if len(national) >= RAW_BYTES_MIN else [value]
