"""What is said to people at a terminal: in their language, and with nothing in it that a terminal would obey.

Invariant: pure; a word that a table lacks is a mistake of ours, and raises KeyError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Language = str  # zh or en
Words = Mapping[str, tuple[str, str]]  # key → (Chinese, English)
Say = Callable[[str], str]

# Controls other than tab and line end, marks that turn the direction of writing, halves of surrogate pairs.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def speaker(words: Words, language: Language) -> Say:
    """Key → the word in a language."""
    place = 0 if language == "zh" else 1
    return lambda key: words[key][place]


def plain(text: str) -> str:
    r"""Text as a terminal may show it: what it would obey is written out (`\x1b`)."""
    return _OBEYED.sub(lambda found: ascii(found[0])[1:-1], text)
