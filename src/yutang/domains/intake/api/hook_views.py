"""Webhooks over HTTP, on the engine's side: what is there, what didn't map, replaying it."""

from __future__ import annotations

from dataclasses import dataclass

from yutang.domains.intake.api import hook_edits, replaying
from yutang.domains.intake.api.hook_edits import HookView, ListHooks, NamedHook
from yutang.domains.intake.api.replaying import (
    ListPayloads,
    NamedPayload,
    PayloadChoice,
    PayloadLine,
    PayloadList,
    ReplayReport,
)
from yutang.kernel.words import Permission, Route
from yutang.runtime.desk import Desk

IDS_MAX = 2**62


@dataclass(frozen=True, slots=True)
class PayloadText:
    """A payload as text. body: bytes that aren't UTF-8 are escaped; `yutang hook payload` has them as they came."""

    payload: PayloadLine
    headers: dict[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class ReplayChoice:
    """Which payloads. ids: none: all that the hook has kept."""

    ids: tuple[int, ...] = ()


def list_hooks(desk: Desk) -> list[HookView]:
    """The webhooks, without their mappings; secrets are never shown."""
    return list(hook_edits.list_hooks(desk, ListHooks()).hooks)


def show_hook(desk: Desk, name: str) -> HookView:
    """One webhook with its mapping."""
    return hook_edits.show_hook(desk, NamedHook(name))


def list_payloads(desk: Desk, name: str, after: int = 0, limit: int = 100) -> PayloadList:
    """What a webhook's mapping couldn't read, oldest first. after: an id; limit: 1 to 500."""
    return replaying.list_payloads(desk, ListPayloads(name, _id(after), min(max(limit, 1), 500)))


def show_payload(desk: Desk, name: str, payload: int) -> PayloadText:
    """One kept payload with its headers."""
    found = replaying.show_payload(desk, NamedPayload(name, _id(payload)))
    return PayloadText(found.line, found.headers, found.body.decode("utf-8", "backslashreplace"))


def replay_payloads(desk: Desk, name: str, choice: ReplayChoice) -> ReplayReport:
    """Read kept payloads again by the mapping as it is now; what maps is taken, once, and kept no longer."""
    return replaying.replay_payloads(desk, PayloadChoice(name, tuple(map(_id, choice.ids))))


def _id(number: int) -> int:
    return min(max(number, 0), IDS_MAX)  # beyond, there is none, and SQLite has no such number


ROUTES = (
    Route("GET", "/v1/hooks", Permission.KEYS, list_hooks),
    Route("GET", "/v1/hooks/{name}", Permission.KEYS, show_hook),
    Route("GET", "/v1/hooks/{name}/payloads", Permission.KEYS, list_payloads),
    Route("GET", "/v1/hooks/{name}/payloads/{payload}", Permission.KEYS, show_payload),
    Route("POST", "/v1/hooks/{name}/replay", Permission.KEYS, replay_payloads),
)
