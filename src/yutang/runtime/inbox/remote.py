"""The inbox across its process's socket: what the intake process serves, and how others call it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from yutang.kernel.errors import InvalidError, UnavailableError
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.wire import NOT_ASKED, Handler, WireClient


class Part(msgspec.Struct, array_like=True):
    """The arguments of `Inbox.put`."""

    blob: bytes
    lane: str
    job: str
    rows_from: int
    next_row: int
    count: int


def serve_inbox(inbox: Inbox) -> Handler:
    """The handler by which the intake process answers for its inbox."""

    def handle(name: str, _actor: str, body: bytes) -> bytes:
        if name == "progress":
            return msgspec.msgpack.encode(inbox.progress(body.decode()))
        if name == "put":
            part = msgspec.msgpack.decode(body, type=Part)
            inbox.put(
                part.blob, lane=part.lane, job=part.job, rows_from=part.rows_from,
                next_row=part.next_row, count=part.count,
            )  # fmt: skip
            return b""
        if name == "restart_job":
            inbox.restart_job(body.decode())
            return b""
        if name == "trim":
            inbox.trim(msgspec.msgpack.decode(body, type=dict[str, int]))
            return b""
        raise InvalidError("wire.unknown_call", f"intake knows no call {name!r}")

    return handle


class RemoteInbox:
    """An inbox that another process owns, which may be started anew between two calls."""

    def __init__(self, socket: Path) -> None:
        self._path = socket
        self._client: WireClient | None = None

    def progress(self, job: str) -> int:
        """See `Inbox.progress`."""
        return int(msgspec.msgpack.decode(self._call("progress", job.encode())))

    def put(self, blob: bytes, *, lane: str, job: str, rows_from: int, next_row: int, count: int) -> None:
        """See `Inbox.put`."""
        part = Part(blob, lane, job, rows_from, next_row, count)
        self._call("put", msgspec.msgpack.encode(part))

    def restart_job(self, job: str) -> None:
        """See `Inbox.restart_job`."""
        self._call("restart_job", job.encode())

    def trim(self, refs: Mapping[str, int]) -> None:
        """See `Inbox.trim`."""
        self._call("trim", msgspec.msgpack.encode(refs))

    def _call(self, name: str, body: bytes) -> bytes:
        client, known = self._client, self._client is not None
        if client is None:
            client = self._client = WireClient(self._path)
        try:
            return client.call(name, "", body)
        except UnavailableError as error:
            self.close()
            if not (known and error.code == NOT_ASKED):
                raise
        return self._call(name, body)  # it was started anew since the last call

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None
