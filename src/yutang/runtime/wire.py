"""Calls over a Unix socket in the pool's folder: length-prefixed msgpack, a thread a connection.

A call is (name, actor, body); its answer is ("ok", body) or ("error", class, fields). Bodies are bytes,
opaque here. Invariants: only the folder's owner can connect (mode 0600); a call that raised NOT_ASKED wasn't
heard by anyone and may be repeated, one that raised `service.gone` may have been carried out.
"""

from __future__ import annotations

import os
import socket
import socketserver
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import structlog

from yutang.kernel.errors import InvalidError, UnavailableError, YutangError, error_from_dict

FRAME_BYTES_MAX = 256 * 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
BACKLOG_COUNT_MAX = 128  # callers that wait to be let in; over it the system refuses them
SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 108; a longer path goes through the folder's descriptor

NOT_ASKED = "service.unreachable"  # the code of the error when nobody heard the call

_LENGTH = struct.Struct(">I")
_PEER = struct.Struct("3i")  # of a socket's other side: process, user, group
Handler = Callable[[str, str, bytes], bytes]  # name, actor, body → body

logger = structlog.get_logger("yutang.wire")


def _send(connection: socket.socket, message: Any) -> None:
    raw = msgspec.msgpack.encode(message)
    connection.sendall(_LENGTH.pack(len(raw)) + raw)


def _receive(connection: socket.socket) -> Any:
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > FRAME_BYTES_MAX:
        raise InvalidError(
            "wire.too_large", f"a message of {length} bytes is over the limit of {FRAME_BYTES_MAX}",
            remedy="ask for less at a time",
        )  # fmt: skip
    raw = _exactly(connection, length)
    return None if raw is None else msgspec.msgpack.decode(raw)


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < count:
        part = connection.recv(min(count - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


@contextmanager
def _address(path: Path) -> Iterator[str]:
    """An address for the socket that fits, however deep the folder lies."""
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES_MAX:
        yield str(path)
        return
    handle = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)


class WireServer:
    """Answers calls until closed."""

    def __init__(self, path: Path, handler: Handler) -> None:
        path.unlink(missing_ok=True)
        self._path = path
        connected = self._connected = set[socket.socket]()

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connected.add(self.request)
                try:
                    with suppress(OSError):  # the caller is gone
                        while (call := _received(self.request)) is not None:
                            _send(self.request, _answered(handler, call))
                finally:
                    connected.discard(self.request)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = BACKLOG_COUNT_MAX

        with _address(path) as address:
            self._server = Server(address, Connection, bind_and_activate=False)
            try:
                self._server.server_bind()
                path.chmod(0o600)  # before anybody can connect
                self._server.server_activate()
            except OSError:
                self._server.server_close()
                raise
        self._thread = threading.Thread(target=self._server.serve_forever, name=f"wire {path.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more calls and remove the socket; what was asked already is answered, while the process lives."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
        for connection in list(self._connected):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RD)


def _received(connection: socket.socket) -> tuple[str, str, bytes] | None:
    """The next call; None at the end of the connection, or after something that is no call."""
    try:
        return msgspec.convert(_receive(connection), type=tuple[str, str, bytes] | None)
    except (InvalidError, msgspec.MsgspecError) as error:
        refused = InvalidError(
            "wire.no_call", f"that is no call: {error}", remedy="ask with a `yutang` of the service's version"
        )
        _send(connection, ("error", "InvalidError", refused.as_dict()))
        return None


def _answered(handler: Handler, call: tuple[str, str, bytes]) -> tuple[Any, ...]:
    name, actor, body = call
    try:
        return ("ok", handler(name, actor, body))
    except YutangError as error:
        told = _part_away(error) if error.code == NOT_ASKED else error
        return ("error", type(told).__name__, told.as_dict())
    except Exception as error:
        logger.exception("a call failed", call=name)
        wrapped = YutangError(
            "service.failed", f"{type(error).__name__}: {error}", where=name, remedy="the service's log says why"
        )
        return ("error", "YutangError", wrapped.as_dict())


def _part_away(error: YutangError) -> YutangError:
    """Whom the handler asked wasn't there. The call itself was heard, so it mustn't look as if it could be repeated."""
    return UnavailableError(
        "service.part_away", f"a part of the service is away: {error.message}",
        remedy="it is started anew by itself; look whether what was asked for was done, else ask again in a moment",
    )  # fmt: skip


class WireClient:
    """One connection; calls take turns. answer_s_max: how long an answer may take; None: as long as it takes.

    A call that gets no answer ends the connection: what came late would be taken for the answer to the next one.
    """

    def __init__(self, path: Path, answer_s_max: float | None = None) -> None:
        self._turn = threading.Lock()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(CONNECT_TIMEOUT_S)
        try:
            with _address(path) as address:
                self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise _not_asked(path, error) from None
        self._path = path
        self._socket.settimeout(answer_s_max)

    def call(self, name: str, actor: str, body: bytes) -> bytes:
        """Ask and wait; raises what the other side raised, and UnavailableError: `NOT_ASKED`, service.gone."""
        with self._turn:
            try:
                _send(self._socket, (name, actor, body))
            except OSError as error:
                self.close()
                raise _not_asked(self._path, error) from None
            try:
                answer = _receive(self._socket)
            except OSError:
                answer = None
            except BaseException:
                self.close()
                raise
            if answer is None:
                self.close()
        if answer is None:
            raise UnavailableError(
                "service.gone", "the service ended while it was asked; what was asked for may have been done",
                where=name, remedy="look whether it was, else ask again once the service is back",
            )  # fmt: skip
        if answer[0] == "error":
            raise error_from_dict(answer[1], answer[2])
        body_back: bytes = answer[1]
        return body_back

    @property
    def closed(self) -> bool:
        """Whether no call can be made by it any more."""
        return self._socket.fileno() < 0

    @property
    def peer_pid(self) -> int:
        """The process on the other side."""
        return int(_PEER.unpack(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))[0])

    def close(self) -> None:
        self._socket.close()


def _not_asked(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        "service.unreachable",
        f"nobody answers at {path}: {error.strerror or error}",
        remedy="it may be starting or stopping; try again in a moment",
    )
