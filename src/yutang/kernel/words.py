"""What a slice exports to the doors as data: routes and commands, each with the permission that it needs.

A handler's first argument is the desk (`runtime.desk`): who asks, the pinned epoch, the log. The words
are generic so that the kernel needn't know it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Protocol, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Permission(StrEnum):
    """What an acting member may be allowed; roles are sets of these."""

    CATALOGUE_READ = "catalogue.read"
    CATALOGUE_WRITE = "catalogue.write"
    CUSTOMERS_READ = "customers.read"
    CUSTOMERS_WRITE = "customers.write"
    AUDIENCE_READ = "audience.read"
    AUDIENCE_WRITE = "audience.write"
    INSIGHT_READ = "insight.read"
    INSIGHT_SQL = "insight.sql"
    IMPORT = "import"
    KEYS = "keys"
    ERASE = "erase"
    OPERATE = "operate"


@dataclass(frozen=True, slots=True)
class Route:
    """An HTTP operation: `handler(desk, …)`; its remaining signature and return type are the OpenAPI document."""

    method: str
    path: str
    permission: Permission
    handler: Callable[..., Any]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Command(Generic[Q, A]):
    """An operation that the command line asks of a pool, opened here or running elsewhere.

    name: stable, dotted (`audience.ask`). question, answer: dataclasses of plain values, since they
    cross the socket. run(desk, question) -> answer, on the pool's side.
    """

    name: str
    permission: Permission
    question: type[Q]
    answer: type[A]
    run: Callable[[Any, Q], A]


class Caller(Protocol):
    """The command line's way to a pool: opened in this process, or running behind its folder's socket."""

    @property
    def language(self) -> str:
        """zh or en: what the reader is spoken to in."""

    def call(self, command: Command[Q, A], question: Q) -> A:
        """Ask, and wait for the answer; raises what the pool's side raised."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line: `path` ("customer show") and a Typer function whose first argument is the context.

    The context's `obj` is a `Caller`. The function parses, calls, prints.
    """

    path: str
    function: Callable[..., None]
