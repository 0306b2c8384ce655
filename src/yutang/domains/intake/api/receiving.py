"""The desk at which a door of the intake process judges a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from yutang.domains.intake.contracts import IntakeBasis, Problem
from yutang.domains.staff.contracts import ApiKey
from yutang.kernel.event import Event
from yutang.runtime.receiving import Request


class Judge(Protocol):
    """Judges raw events; see `rules.checker.Checker`."""

    def check(self, index: int, raw: object) -> Event | Problem: ...


class ReceivingDesk(Protocol):
    """What doors are given. One thread."""

    @property
    def basis(self) -> IntakeBasis:
        """What the engine told last. Raises UnavailableError before it has ever told anything."""

    def authorize(self, request: Request, key: str = "") -> ApiKey:
        """The key of a request: `key` if the body carried it, else basic auth's user, bearer, or `X-Api-Key`.

        Raises UnauthorizedError, ForbiddenError (origin).
        """

    def spend(self, key: ApiKey, events: int) -> None:
        """Take events off a key's rate. Raises LimitError with retry_after_s."""

    def judge(self, arrived_at: int) -> Judge:
        """What judges raw events at an arrival (pool time). Valid until the next request."""

    def repeats(self, feed: str, events: Sequence[Event]) -> int:
        """How many of them repeat one another or an event accepted lately; they are accepted lately from now on.

        To be asked once they are durable.
        """

    def refused(self, feed: str, problems: Iterable[Problem], types: Sequence[str] = ()) -> None:
        """Count refused events by code, and show them to whoever watches. types: of the problems, if known."""
