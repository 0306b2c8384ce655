"""Reading the body of a request: within its limit, in time, decompressed.

Invariants: what is in memory of bodies, while they are read and until they are answered, is bounded, whatever is sent
and however slow sender and disk are (a small body by its size, others by MEMORY_BYTES_MAX together); a decompressed
body never passes the limit of its door, so a bomb costs what the limit costs, in memory and in time; whoever sends
nothing for STALL_S_MAX is let go.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

from yutang.kernel.errors import FormatError, InvalidError, LimitError, SlowError, TooLargeError

SMALL_BYTES_MAX = 65_536  # of a body that is read in one go
MEMORY_BYTES_MAX = 256 * 1_024 * 1_024  # of larger bodies that are being read, or wait for their answer
STALL_S_MAX = 10.0  # without a byte
BODY_S_MAX = 120.0  # for all of it
DRAIN_S_MAX = 2.0  # for what is sent on after it was refused, so that the sender gets to read the answer
DRAIN_BYTES_MAX = 64 * 1_024 * 1_024
SLICE_BYTES = 65_536  # unpacked at a time: what is left over of a slice is copied, of the whole it would be too often
MEMBERS_COUNT_MAX = 1_024  # of one gzip: parts packed by themselves, as parallel packers make them


class Body(Protocol):
    """A body as the server hands it over: whole by calling it, or piece by piece."""

    async def __call__(self) -> bytes: ...

    def __aiter__(self) -> AsyncIterator[bytes]: ...


class Bodies:
    """Reads bodies, all within one bound of memory."""

    def __init__(self) -> None:
        self.held_bytes = 0

    @contextmanager
    def holding(self, body: bytes) -> Iterator[None]:
        """Count a body until it is answered. Raises LimitError if there is no memory for it."""
        if len(body) > SMALL_BYTES_MAX and self.held_bytes + len(body) > MEMORY_BYTES_MAX:
            raise _busy()
        self.held_bytes += len(body)
        try:
            yield
        finally:
            self.held_bytes -= len(body)

    async def read(self, body: Body, headers: Mapping[str, str], bytes_max: int) -> bytes:
        """A body, decompressed. Raises TooLargeError, FormatError, LimitError, SlowError, InvalidError."""
        length = headers.get("content-length")
        encoding = headers.get("content-encoding", "identity").strip().lower()
        if encoding not in _DECODERS:
            raise FormatError(
                "request.encoding", f"{encoding[:40]!r} isn't a compression that is read", where="Content-Encoding",
                remedy="send it as gzip, deflate, or plain",
            )  # fmt: skip
        size = _size(length)
        if size is not None and size > bytes_max:
            raise too_large(bytes_max)
        try:
            if size is not None and size <= SMALL_BYTES_MAX:
                async with asyncio.timeout(STALL_S_MAX):
                    raw = await body()
            else:
                raw = await self._read_pieces(body, bytes_max)
        except TimeoutError:
            raise SlowError(
                "request.slow", f"nothing came for {STALL_S_MAX:.0f} s, or not all of it in {BODY_S_MAX:.0f} s",
                where="body", remedy="send smaller batches, or over a better line",
            ) from None  # fmt: skip
        return raw if encoding == "identity" else decompressed(raw, encoding, bytes_max)

    async def _read_pieces(self, body: Body, bytes_max: int) -> bytes:
        pieces: list[bytes] = []
        size = 0
        loop = asyncio.get_running_loop()
        begun = loop.time()
        stalled = asyncio.timeout(STALL_S_MAX)
        try:
            async with stalled:
                async for piece in body:
                    pieces.append(piece)
                    size += len(piece)
                    self.held_bytes += len(piece)
                    if size > bytes_max:
                        raise too_large(bytes_max)
                    if self.held_bytes > MEMORY_BYTES_MAX:
                        raise _busy()
                    stalled.reschedule(min(loop.time() + STALL_S_MAX, begun + BODY_S_MAX))
            return b"".join(pieces)
        finally:
            self.held_bytes -= size


async def drain(body: Body) -> None:
    """Read on for a moment and forget it: a connection closed on unread data takes the answer with it."""
    size = 0
    try:
        async with asyncio.timeout(DRAIN_S_MAX):
            async for piece in body:
                size += len(piece)
                if size > DRAIN_BYTES_MAX:
                    return
    except Exception:  # gone, too slow, or read already: nobody waits for it
        return


def too_large(bytes_max: int) -> TooLargeError:
    """A body beyond the limit of its door."""
    return TooLargeError(
        "intake.too_large", f"a body has at most {bytes_max} bytes, decompressed", where="body",
        remedy="send smaller batches; hand large files to `yutang import`",
    )  # fmt: skip


def _busy() -> LimitError:
    error = LimitError(
        "intake.busy", "more large bodies are here at once than there is memory for", where="body",
        remedy="try again in a moment, or send smaller batches",
    )  # fmt: skip
    error.retry_after_s = 1
    return error


def _size(length: str | None) -> int | None:
    return int(length) if length is not None and length.isascii() and length.isdigit() and len(length) < 19 else None


# What zlib must know of each compression: the size of its window, with what marks the container.
_DECODERS = {
    "identity": (0,),
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),  # with the container that the standard asks for, and without
}


def decompressed(raw: bytes, encoding: str, bytes_max: int) -> bytes:
    """A body as it was before compression. Raises TooLargeError, InvalidError."""
    for window in _DECODERS[encoding]:
        try:
            return _inflated(raw, window, bytes_max)
        except zlib.error:
            continue
    raise InvalidError(
        "request.compression", f"the body isn't {encoding}", where="body",
        remedy="compress it as Content-Encoding says, or leave the header out",
    )  # fmt: skip


def _inflated(raw: bytes, window: int, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = at = members = 0
    while at < len(raw):  # gzip may hold several members, one after the other
        members += 1
        if members > MEMBERS_COUNT_MAX:
            raise InvalidError(
                "request.compression", f"the body is packed in more than {MEMBERS_COUNT_MAX} parts", where="body",
                remedy="compress it in one go",
            )  # fmt: skip
        inflate = zlib.decompressobj(window)
        while not inflate.eof:
            if at >= len(raw):
                raise zlib.error("cut short")
            slice_ = raw[at : at + SLICE_BYTES]
            part = inflate.decompress(slice_, bytes_max - size + 1)
            at += len(slice_) - len(inflate.unused_data)
            size += len(part)
            if size > bytes_max:
                raise too_large(bytes_max)
            parts.append(part)
    return b"".join(parts)
