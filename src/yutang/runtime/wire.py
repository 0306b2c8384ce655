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

from yutang.kernel.errors import InvalidError, UnavailableError, YutangError, error_from_dict

FRAME_BYTES_MAX = 256 * 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
BACKLOG_COUNT_MAX = 128  # callers that wait to be let in; over it the system refuses them
SOCKET_PATH_BYTES_MAX = 100  # sun_path holds 108; a longer path goes through the folder's descriptor

NOT_ASKED = "service.unreachable"  # the code of the error when nobody heard the call

_LENGTH = struct.Struct(">I")
Handler = Callable[[str, str, bytes], bytes]  # name, actor, body → body


def _send(connection: socket.socket, message: Any) -> None:
    raw = msgspec.msgpack.encode(message)
    connection.sendall(_LENGTH.pack(len(raw)) + raw)


def _receive(connection: socket.socket) -> Any:
    head = _exactly(connection, _LENGTH.size)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > FRAME_BYTES_MAX:
        raise InvalidError("wire.too_large", f"a message of {length} bytes is over the limit of {FRAME_BYTES_MAX}")
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
                with suppress(OSError):  # the caller is gone
                    while (call := _received(self.request)) is not None:
                        _send(self.request, _answered(handler, call))
                connected.discard(self.request)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True
            request_queue_size = BACKLOG_COUNT_MAX

        with _address(path) as address:
            self._server = Server(address, Connection)
        path.chmod(0o600)
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
        refused = InvalidError("wire.no_call", f"that is no call: {error}")
        _send(connection, ("error", "InvalidError", refused.as_dict()))
        return None


def _answered(handler: Handler, call: tuple[str, str, bytes]) -> tuple[Any, ...]:
    name, actor, body = call
    try:
        return ("ok", handler(name, actor, body))
    except YutangError as error:
        return ("error", type(error).__name__, error.as_dict())
    except Exception as error:
        wrapped = YutangError("service.failed", f"{type(error).__name__}: {error}", where=name)
        return ("error", "YutangError", wrapped.as_dict())


class WireClient:
    """One connection; calls take turns."""

    def __init__(self, path: Path) -> None:
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
        self._socket.settimeout(None)

    def call(self, name: str, actor: str, body: bytes) -> bytes:
        """Ask and wait; raises what the other side raised, and UnavailableError: `NOT_ASKED`, service.gone."""
        with self._turn:
            try:
                _send(self._socket, (name, actor, body))
            except OSError as error:
                raise _not_asked(self._path, error) from None
            try:
                answer = _receive(self._socket)
            except OSError:
                answer = None
        if answer is None:
            raise UnavailableError(
                "service.gone", "the service ended while it was asked; what was asked for may have been done",
                where=name, remedy="look whether it was, else ask again once the service is back",
            )  # fmt: skip
        if answer[0] == "error":
            raise error_from_dict(answer[1], answer[2])
        body_back: bytes = answer[1]
        return body_back

    def close(self) -> None:
        self._socket.close()


def _not_asked(path: Path, error: OSError) -> UnavailableError:
    return UnavailableError(
        "service.unreachable",
        f"nobody answers at {path}: {error.strerror or error}",
        remedy="it may be starting or stopping; try again in a moment",
    )
