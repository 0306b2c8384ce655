"""What crosses the door: paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from yutang.domains.insight.contracts.asking import Asked, Scope

PATH_STEPS_COUNT_MAX = 10
NAMES_COUNT_MAX = 50  # of a step


class PathKind(StrEnum):
    """What stands at a step. other: an event whose name isn't among the most frequent of the step.

    stopped: nothing came (towards an event: nothing had come) within the pause. ongoing: nothing yet, and the pause
    isn't over; or, towards an event, what came before lies before what the question sees.
    """

    EVENT = "event"
    OTHER = "other"
    STOPPED = "stopped"
    ONGOING = "ongoing"


@dataclass(frozen=True, slots=True)
class PathsQuestion:
    """What customers do after an event, or before one.

    start, end: an event set, one of the two. steps: how many events after it (before it), 1 to 10. gap: a longer pause
    ends a path. among: the events that paths are made of; `*` for all. name: a property that names them, such as
    `page`; "" for their type. repeats: whether an event named as the one before is a step of its own. top: how many
    names of a step are told apart. every: a path for each such event, not only for the customer's first.
    """

    start: str = ""
    end: str = ""
    steps: int = 5
    gap: str = "1d"
    among: str = "*"
    name: str = ""
    repeats: bool = False
    top: int = 8
    every: bool = False
    scope: Scope = field(default_factory=Scope)


@dataclass(frozen=True, slots=True)
class PathNode:
    """What stands at a step (0: where paths begin, or, towards an event, end). customers are different ones.

    title: of an event type, in words. share: of all paths. median_ms: from the step before (towards an event: to it);
    None where there is none.
    """

    step: int
    kind: PathKind
    name: str
    title: str
    customers: int
    paths: int
    share: float
    median_ms: int | None
    cell: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PathLink:
    """From one node to the next. source, target: places in `nodes`."""

    source: int
    target: int
    customers: int
    paths: int
    median_ms: int | None
    cell: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PathBranch:
    """A node of the tree of whole paths; its children follow it, one deeper. depth: its step.

    share: of its parent's paths. stopped, ongoing: how many of its paths end here.
    """

    depth: int
    kind: PathKind
    name: str
    title: str
    customers: int
    paths: int
    share: float
    stopped: int
    ongoing: int
    median_ms: int | None
    cell: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PathsAnswer:
    """Paths. nodes, links: a graph by step, for a Sankey diagram. tree: the most travelled beginnings of paths, a
    parent before its children, the most travelled child first. more: branches that aren't shown."""

    asked: Asked
    anchor: str
    title: str
    backwards: bool
    gap: str
    name: str
    customers: int
    paths: int
    nodes: tuple[PathNode, ...]
    links: tuple[PathLink, ...]
    tree: tuple[PathBranch, ...]
    more: int
