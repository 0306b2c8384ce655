"""The inbox across its process's socket: what the intake process serves, and how others call it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from yutang.kernel.clock import MachineClock
from yutang.kernel.errors import InvalidError, UnavailableError
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.inbox.payloads import CALLS, RemotePayloads, serve_payloads
from yutang.runtime.inbox.writer import GroupWriter
from yutang.runtime.wire import NOT_ASKED, Handler, WireClient

FORGET = "payloads.forget"
Call = Callable[[bytes], bytes]


class Part(msgspec.Struct, array_like=True):
    """The arguments of `Inbox.put`."""

    blob: bytes
    lane: str
    job: str
    rows_from: int
    next_row: int
    count: int


def serve_inbox(inbox: Inbox, writer: GroupWriter, machine: MachineClock) -> Mapping[str, Call]:
    """What the intake process answers for its inbox, by the call's name. What writes goes through the writer."""

    def progress(body: bytes) -> bytes:
        return msgspec.msgpack.encode(inbox.progress(body.decode()))

    def put(body: bytes) -> bytes:
        part = msgspec.msgpack.decode(body, type=Part)
        writer.call(
            lambda: inbox.put(
                part.blob, lane=part.lane, job=part.job, rows_from=part.rows_from,
                next_row=part.next_row, count=part.count,
            )
        )  # fmt: skip
        return b""

    def restart_job(body: bytes) -> bytes:
        writer.call(lambda: inbox.restart_job(body.decode()))
        return b""

    def trim(body: bytes) -> bytes:
        writer.trim(msgspec.msgpack.decode(body, type=dict[str, int]))
        return b""

    def processed(body: bytes) -> bytes:
        inbox.waiting.processed(msgspec.msgpack.decode(body, type=dict[str, int]), machine.stopwatch_s())
        return b""

    def about_payloads(name: str) -> Call:
        return lambda body: writer.call(lambda: settled(name, body))

    def settled(name: str, body: bytes) -> bytes:
        if name == FORGET:  # who asks for it wants nothing left, of what lies in the lake already either
            writer.finish_trims()
        return serve_payloads(inbox.payloads, name, body)

    own = {"progress": progress, "put": put, "restart_job": restart_job, "trim": trim, "processed": processed}
    return {**own, **{name: about_payloads(name) for name in CALLS}}


def answering(calls: Mapping[str, Call]) -> Handler:
    """The handler of a socket at which some calls are answered."""

    def handle(name: str, _actor: str, body: bytes) -> bytes:
        call = calls.get(name)
        if call is None:
            raise InvalidError(
                "wire.unknown_call", f"intake knows no call {name!r}", remedy="restart the service: it was updated"
            )
        return call(body)

    return handle


class RemoteInbox:
    """An inbox that another process owns, which may be started anew between two calls. Any thread."""

    def __init__(self, socket: Path) -> None:
        self._path = socket
        self._turn = threading.Lock()
        self._client: WireClient | None = None
        self.payloads = RemotePayloads(self._call)

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
        client, known = self._connected()
        try:
            return client.call(name, "", body)
        except UnavailableError as error:
            if not (known and error.code == NOT_ASKED):
                raise
        return self._call(name, body)  # it was started anew since the last call

    def _connected(self) -> tuple[WireClient, bool]:
        """The connection, and whether it was there before."""
        with self._turn:
            if self._client is not None and not self._client.closed:
                return self._client, True
            self._client = WireClient(self._path)
            return self._client, False

    def close(self) -> None:
        """Let the socket go."""
        with self._turn:
            if self._client is not None:
                self._client.close()
                self._client = None
