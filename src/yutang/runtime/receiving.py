"""The words of the intake process: what its listener hands to a door, and what a door hands back to be kept.

A door is a path under which others speak to the pool. Its handler judges one request; it doesn't store,
wait or send: it returns an `Answer`, or a `Keep` whose answer is sent once everything in it is on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from yutang.kernel.event import Event


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read whole and decompressed.

    parameters: of the path (`{name}`). query: as sent, without the question mark. headers: names in lower case.
    body: never larger than the door allows. arrived_at: pool time.
    """

    method: str
    path: str
    parameters: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: bytes
    arrived_at: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back. headers: in addition to the length and what cross-origin rules ask for."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Parcel:
    """Accepted events of one feed: part of a blob of the inbox. schema_version: of the catalogue that judged them.

    packed: more of them, in the inbox's own form (`Event` as msgpack, one after the other), packed_count of them;
    they stand after `events`.
    """

    feed: str
    schema_version: int
    events: Sequence[Event] = ()
    history: bool = False
    packed: bytes = b""
    packed_count: int = 0

    @property
    def count(self) -> int:
        """How many events it holds."""
        return len(self.events) + self.packed_count


@dataclass(frozen=True, slots=True)
class RawPayload:
    """A webhook's body that didn't map, kept as it came. headers: those that its mapping or signature may need."""

    hook: str
    headers: Mapping[str, str]
    body: bytes
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Keep:
    """What must be durable before `answer()` is sent."""

    parcels: Sequence[Parcel]
    answer: Callable[[], Answer]
    payloads: Sequence[RawPayload] = ()


@dataclass(frozen=True, slots=True)
class Door:
    """A path of the intake listener.

    path: `/v1/hooks/{name}`. handler(desk, request): the desk is what the process's wiring gives it. browser: pages
    of other origins may call it (CORS). body_bytes_max: of a body, decompressed.
    """

    method: str
    path: str
    handler: Callable[[Any, Request], Answer | Keep]
    browser: bool = False
    body_bytes_max: int = 16 * 1_024 * 1_024


@dataclass(frozen=True, slots=True)
class Refusal:
    """An event that was refused, as the live view shows it. at: pool time. number: rises, never reused."""

    number: int
    at: int
    feed: str
    type: str
    code: str
    path: str
    message: str


class Counters(msgspec.Struct):
    """What the intake process has seen since it started; crosses its socket.

    requests: by `METHOD path status`. rejected: by code. waiting_events: handed over and not yet processed, by what
    the engine has told last. commit_ms_*: of group commits, over the last thousand.
    """

    started_at_ms: int = 0
    accepted: int = 0
    duplicates: int = 0
    bytes_received: int = 0
    commits: int = 0
    commit_ms_p50: float = 0.0
    commit_ms_p99: float = 0.0
    waiting_events: int = 0
    payloads_kept: int = 0
    basis_version: int = 0
    rejected: dict[str, int] = msgspec.field(default_factory=dict)
    requests: dict[str, int] = msgspec.field(default_factory=dict)
