"""An intake process's parts at work in the test's own process, without an engine: what it takes lies in its inbox."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.support.intake_world import catalogue_with
from tests.support.services import free_port, wait_for
from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.customers.rules.kinds import kinds_with
from yutang.domains.intake.contracts import IntakeBasis
from yutang.domains.staff.contracts import ApiKey, KeyScope
from yutang.kernel.clock import PoolClock, SystemClock
from yutang.kernel.event import Event, decode_blob
from yutang.kernel.faults import NoFaults
from yutang.receiver import Intake
from yutang.runtime.folder import Folder
from yutang.runtime.inbox.inbox import open_reader
from yutang.runtime.inbox.remote import RemoteInbox
from yutang.runtime.pool import write_clock
from yutang.runtime.receiving import Counters, Refusal
from yutang.runtime.settings import Settings

SECRET = "s3cret_with-more"
KEY = f"yk_k1_{SECRET}"
NOW_MS = 1_772_000_000_000


def api_key(id_: str = "k1", secret: str = SECRET, **changes: Any) -> ApiKey:
    """A key whose text is `yk_ID_SECRET`."""
    fields: dict[str, Any] = {
        "id": id_, "name": "site", "feed": "web", "scope": KeyScope.WRITE,
        "digest": hashlib.sha256(secret.encode()).hexdigest(), "former_digest": "", "former_until": 0,
        "origins": (), "rate_events_per_s": 0,
    }  # fmt: skip
    return ApiKey(**{**fields, **changes})


def basis(*keys: ApiKey, version: int = 1, catalogue: Catalogue | None = None, strict: bool = False) -> bytes:
    """What an engine would tell, as it crosses the socket."""
    told = IntakeBasis(
        version, catalogue or catalogue_with(), kinds_with(), "UTC", "USD", "CN", strict, keys or (api_key(),), ()
    )
    return msgspec.msgpack.encode(told)


def raw(id_: str = "e1", **changes: Any) -> dict[str, Any]:
    """An event as a sender sends it."""
    event: dict[str, Any] = {
        "id": id_, "type": "page_viewed", "at": NOW_MS - 1_000, "identities": {"member_no": "M1"},
        "properties": {"page": "/"},
    }  # fmt: skip
    return {**event, **changes}


class Telling(RemoteInbox):
    """The intake's socket, with the calls that an engine makes besides (`runtime.feeding`, `runtime.health`)."""

    def tell_basis(self, told: bytes) -> None:
        self._call("basis", told)

    def tell_processed(self, refs: Mapping[str, int]) -> None:
        self._call("processed", msgspec.msgpack.encode(refs))

    def counters(self) -> Counters:
        return msgspec.msgpack.decode(self._call("counters", b""), type=Counters)

    def refusals(self, since: int) -> list[Refusal]:
        return msgspec.msgpack.decode(self._call("refusals", str(since).encode()), type=list[Refusal])


class Listening:
    """See the module. Its pool's clock stands at NOW_MS."""

    def __init__(self, root: Path, *, told: bytes | None = None, **settings: Any) -> None:
        self.folder = Folder(root)
        self.folder.make()
        write_clock(self.folder, PoolClock("standing", NOW_MS))  # type: ignore[arg-type]
        self.port = free_port()
        self.settings = Settings(**{"intake_port": self.port, "disk_reserve_mb": 0, **settings})
        self.url = f"http://127.0.0.1:{self.port}"
        self.intake = Intake(self.folder, self.settings, SystemClock(), NoFaults())
        self.wire = Telling(self.folder.intake_socket)
        if told != b"":
            self.wire.tell_basis(told or basis())
        wait_for(self._reachable, "the listener is up")
        self.client = httpx.Client(base_url=self.url, timeout=20)

    def _reachable(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def post(self, content: Any, path: str = "/v1/events", key: str = KEY, **headers: str) -> httpx.Response:
        """A request; what isn't bytes is sent as JSON."""
        body = content if isinstance(content, bytes) else msgspec.json.encode(content)
        shown = {"X-Api-Key": key} if key else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.post(path, content=body, headers={**shown, **named})

    def kept(self) -> list[Event]:
        """All events that are in the inbox, in order."""
        return [event for _, _, events in self.blobs() for event in events]

    def blobs(self) -> list[tuple[str, int, list[Event]]]:
        """The blobs in the inbox: feed, arrival, events."""
        reader = open_reader(self.folder.inbox)
        try:
            heads = reader.heads({"live": 0, "bulk": 0}, 100_000)
            found = []
            for head in sorted((head for lane in heads.values() for head in lane), key=lambda head: head.ref):
                blob = decode_blob(reader.bodies([head.ref])[head.ref])
                assert len(blob.events) == head.events
                found.append((blob.feed, head.arrived_at, blob.events))
            return found
        finally:
            reader.close()

    def clock(self, at_ms: int) -> None:
        """Let the pool's clock stand at another instant."""
        write_clock(self.folder, PoolClock("standing", at_ms))  # type: ignore[arg-type]

    def connection(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(("127.0.0.1", self.port), 20)

    def close(self) -> None:
        self.client.close()
        self.wire.close()
        self.intake.close()


def head(path: str = "/v1/events", key: str = KEY, method: str = "POST", **headers: object) -> bytes:
    """The head of a request, for bare connections."""
    named: Mapping[str, object] = {"Host": "localhost", "X-Api-Key": key, **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in named.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode()


def status_of(connection: socket.socket, seconds_max: float = 20) -> int:
    """The status of the next answer on a bare connection, 0 if it was closed without one."""
    connection.settimeout(seconds_max)
    received = b""
    while b"\r\n" not in received:
        part = connection.recv(4_096)
        if not part:
            return 0
        received += part
    return int(received.split(b" ", 2)[1])
