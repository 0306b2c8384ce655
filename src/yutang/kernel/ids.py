"""Ids and hashes: the order of ties, the names of customers, the keys of jobs, and drawn ids.

Invariant: everything derived here is a function of its arguments alone, the same on every machine
and in every version, because hashes are stored. Randomness is the port `Draw`, passed in.
"""

from __future__ import annotations

import base64
import hashlib
import random
import string
from typing import Protocol

_SEPARATOR = b"\x1f"
_LETTERS = string.digits + string.ascii_letters
SECRET_CHARS = 33  # of 62 letters each: over 192 bits


def hash64(*parts: str | bytes) -> int:
    """63 bits of BLAKE2b over the parts, kept apart by their lengths; fits an int64 and is never negative."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4, "little"))
        digest.update(raw)
    return int.from_bytes(digest.digest(), "little") >> 1


def content_key(*parts: str | bytes) -> str:
    """A key of 26 characters made from content (120 bits of BLAKE2b, base32, lower case)."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(4, "little"))
        digest.update(raw)
    return base64.b32encode(digest.digest()).decode().rstrip("=").lower()


class Draw(Protocol):
    """Where randomness comes from; a seed reproduces a run."""

    def token(self) -> str:
        """16 characters nobody can guess (or, seeded, everybody can repeat)."""

    def secret(self) -> str:
        """33 letters and digits: 196 bits, so that nobody finds it by trying, however fast."""


class SeededDraw:
    """The same tokens for the same seed: simulated pools and tests."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def token(self) -> str:
        return base64.b32encode(self._random.randbytes(10)).decode().lower()

    def secret(self) -> str:
        return "".join(self._random.choices(_LETTERS, k=SECRET_CHARS))


class SystemDraw:
    """Tokens from the operating system: real pools."""

    def token(self) -> str:
        return base64.b32encode(random.SystemRandom().randbytes(10)).decode().lower()

    def secret(self) -> str:
        return "".join(random.SystemRandom().choices(_LETTERS, k=SECRET_CHARS))
