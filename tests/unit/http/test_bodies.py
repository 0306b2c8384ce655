"""Bodies decompressed: whatever was packed comes back, and what was made to cost much costs little."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from yutang.http.bodies import MEMBERS_COUNT_MAX, SLICE_BYTES, Bodies, decompressed
from yutang.kernel.errors import InvalidError, TooLargeError

LIMIT_BYTES = 1_048_576


class TestDecompressing:
    @pytest.mark.parametrize("size", [1, SLICE_BYTES - 1, SLICE_BYTES, SLICE_BYTES + 1, 5 * SLICE_BYTES, LIMIT_BYTES])
    @pytest.mark.parametrize("level", [0, 9])
    def test_gives_back_what_was_packed(self, size, level):
        body = random.Random(size).randbytes(size // 2) + b" " * (size - size // 2)
        raw = zlib.compressobj(level, wbits=-zlib.MAX_WBITS)
        assert decompressed(gzip.compress(body, level), "gzip", LIMIT_BYTES) == body
        assert decompressed(zlib.compress(body, level), "deflate", LIMIT_BYTES) == body
        assert decompressed(raw.compress(body) + raw.flush(), "deflate", LIMIT_BYTES) == body

    def test_members_one_after_the_other_wherever_they_are_cut(self):
        draw = random.Random(1)
        parts = [draw.randbytes(draw.randrange(3 * SLICE_BYTES // 100)) for _ in range(500)]
        assert decompressed(b"".join(map(gzip.compress, parts)), "gzip", 2 * LIMIT_BYTES) == b"".join(parts)

    @pytest.mark.parametrize("whole", [b"", gzip.compress(b"a member before", mtime=0)])
    @pytest.mark.parametrize("lost", range(1, 20))
    def test_what_is_cut_short_is_refused(self, whole, lost):
        with pytest.raises(InvalidError):
            decompressed(whole + gzip.compress(b"hello")[:-lost], "gzip", LIMIT_BYTES)

    def test_one_byte_too_many_is_refused(self):
        with pytest.raises(TooLargeError):
            decompressed(gzip.compress(b" " * (LIMIT_BYTES + 1)), "gzip", LIMIT_BYTES)

    def test_so_are_more_members_than_anyone_packs(self):
        with pytest.raises(InvalidError, match="parts"):
            decompressed(gzip.compress(b"") * (MEMBERS_COUNT_MAX + 1), "gzip", LIMIT_BYTES)


class TestHolding:
    def test_gives_back_what_it_counted_when_the_answer_fails(self, monkeypatch):
        monkeypatch.setattr("yutang.http.bodies.MEMORY_BYTES_MAX", 100_000)
        bodies = Bodies()
        for _ in range(3):
            with pytest.raises(ZeroDivisionError), bodies.holding(b" " * 90_000):
                raise ZeroDivisionError
