"""A condition's text as tokens.

Invariant: linear in the text, whose length is bounded; every character belongs to a blank or a token,
else a `ConditionError` with its place. Knows what a token looks like, not where it may stand.
"""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from typing import NamedTuple

import msgspec

from yutang.conditions.limits import TEXT_CHARS_MAX
from yutang.kernel.errors import ConditionError

_EXCERPT_CHARS_MAX = 72  # of a line, around the place


class TokenKind(StrEnum):
    """What a token is, as messages name it."""

    WORD = "a word"
    STRING = "a text"
    NUMBER = "a number"
    SPAN = "a span of time"
    DATE = "a date"
    INSTANT = "an instant"
    SYMBOL = "a sign"
    END = "the end"


class Token(NamedTuple):
    """kind; text: as written, a STRING's decoded; at: index of its first character."""

    kind: TokenKind
    text: str
    at: int


# Words that stand between other things: as names they must be quoted, so that a slip is seen where it is.
RESERVED = frozenset(
    {"and", "or", "not", "in", "between", "where", "then", "within", "without", "by", "from", "to", "at", "for"}
    | {"after", "contains", "starts_with", "ends_with"}
)

_TOKEN = re.compile(
    r"""(?P<blank>[ \t\r\n\u3000]+)
    |(?P<STRING>"(?:[^"\\\x00-\x1f]|\\.)*")
    |(?P<INSTANT>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})(?!\w))
    |(?P<DATE>[0-9]{4}-[0-9]{2}-[0-9]{2}(?![\w-]))
    |(?P<SPAN>-?(?:[0-9]+(?:ms|[smhdw]))+(?!\w))
    |(?P<NUMBER>-?[0-9]+(?:\.[0-9]+)?(?![\w]))
    |(?P<SYMBOL><=|>=|!=|[=<>(),.|*\#%])
    |(?P<WORD>[^\W\d])""",
    re.VERBOSE,
)
_CLUSTER = re.compile(r"[^\s(),\"]{1,24}")
# What input methods write instead, and what is meant.
_LOOKALIKES = {
    "（": "(", "）": ")", "，": ",", "“": '"', "”": '"', "＂": '"', "＝": "=", "＜": "<", "＞": ">", "≥": ">=",
    "≤": "<=", "≠": "!=", "｜": "|", "。": ".", "、": ",", "'": '"', "‘": '"', "’": '"', "＃": "#", "％": "%",
    "＊": "*",
}  # fmt: skip


def word_end(text: str, start: int) -> int:
    """The end of the word that starts there: letters of any script with their marks, digits, `_`."""
    end = start
    while end < len(text) and (text[end].isalnum() or text[end] == "_" or ("a" + text[end]).isidentifier()):
        end += 1
    return end


def is_plain_name(name: str) -> bool:
    """Whether a name can stand without quotes."""
    begins = bool(name) and (name[0] == "_" or name[0].isalpha())
    return begins and word_end(name, 0) == len(name) and name.lower() not in RESERVED


def place(at: int) -> str:
    """A place in a text as errors carry it, counted from 1."""
    return f"character {at + 1}"


def excerpt(text: str, at: int) -> str:
    """The line of the place and, below it, a caret; cut around the place where the line is long."""
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)].replace("\t", " ").replace("\r", " ")
    column = at - start
    left = max(0, column - _EXCERPT_CHARS_MAX // 2)
    shown = line[left : left + _EXCERPT_CHARS_MAX]
    # A caret below wide characters needs wide blanks.
    pad = "".join("\u3000" if unicodedata.east_asian_width(ch) in "WF" else " " for ch in shown[: column - left])
    return f"  {shown}\n  {pad}^"


def fault(text: str, at: int, code: str, message: str, remedy: str = "") -> ConditionError:
    """An error at a place of a text, its message with an excerpt and a caret."""
    return ConditionError(code, f"{message}\n{excerpt(text, at)}", where=place(at), remedy=remedy)


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, the last one END.

    Raises `condition.too_long`, `condition.syntax`.
    """
    if len(text) > TEXT_CHARS_MAX:
        raise ConditionError(
            "condition.too_long",
            f"the text has {len(text):,} characters, {TEXT_CHARS_MAX:,} are the most",
            where=place(TEXT_CHARS_MAX),
            remedy="make a segment of each part and combine these",
        )
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise _unreadable(text, at)
        end = found.end()
        if found.lastgroup == "WORD":
            end = word_end(text, at)
            tokens.append(Token(TokenKind.WORD, text[at:end], at))
        elif found.lastgroup == "STRING":
            tokens.append(Token(TokenKind.STRING, _decoded(text, at, end), at))
        elif found.lastgroup != "blank":
            tokens.append(Token(TokenKind[str(found.lastgroup)], found.group(), at))
        at = end
    tokens.append(Token(TokenKind.END, "", len(text)))
    return tokens


def _decoded(text: str, start: int, end: int) -> str:
    try:
        decoded = msgspec.json.decode(text[start:end].encode(), type=str)
        decoded.encode()  # half of a surrogate pair is no text
    except (msgspec.DecodeError, UnicodeError):
        raise fault(
            text, start, "condition.syntax", "the text in quotes has a malformed escape", 'write \\" for ", \\\\ for \\'
        ) from None
    return decoded


def _unreadable(text: str, at: int) -> ConditionError:
    char = text[at]
    if char == '"':
        return fault(text, at, "condition.syntax", "the text in quotes doesn't end", 'end it with "')
    if char in _LOOKALIKES:
        return fault(text, at, "condition.syntax", f"{char} isn't part of the language", f"write {_LOOKALIKES[char]}")
    cluster = _CLUSTER.match(text, at)
    shown = cluster.group() if cluster else char
    remedy = ""
    if char.isdigit() or char == "-":
        remedy = 'write a number 12.5, a span 30d, a date 2017-03-01, or put a name into quotes: "90后"'
    return fault(text, at, "condition.syntax", f"{shown!r} can't be read", remedy)
