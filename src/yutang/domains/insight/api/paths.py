"""Paths: where customers go after an event, or came from before it, and where they stop.

`timeline.questions.paths` walks; here the names of each step are ranked, the rest is folded, and nodes, links and the
tree are counts over one matrix: of each path, what stands at each step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.insight.api.asking import Scoped, cell_value, events_asked, in_words, scoped
from yutang.domains.insight.api.durations import span_asked
from yutang.domains.insight.api.ranges import count_asked, known_property, names_of, number_in, only_known, types_read
from yutang.domains.insight.contracts.asking import OTHER, Cell
from yutang.domains.insight.contracts.paths import (
    NAMES_COUNT_MAX,
    PATH_STEPS_COUNT_MAX,
    PathBranch,
    PathKind,
    PathLink,
    PathNode,
    PathsAnswer,
    PathsQuestion,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import span_text
from yutang.runtime.desk import Desk
from yutang.timeline.everyone import Part
from yutang.timeline.questions.lines import distinct
from yutang.timeline.questions.paths import FULL, STOPPED, Paths, Walked, walked
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import Column

PATHS_COUNT_MAX = 4_000_000  # some 100 bytes each
BRANCHES_COUNT_MAX = 200
_ENDS = (PathKind.STOPPED, PathKind.ONGOING)


@dataclass(frozen=True)
class _Asked:
    """A question, understood. types: what is read of a view."""

    scope: Scoped
    paths: Paths
    types: list[str]
    top: int


@dataclass(frozen=True)
class _Step:
    """What stands at a step: the names told apart, `other`, and the two ends, in the order of their places."""

    names: tuple[str, ...]

    def standing(self, place: int) -> tuple[PathKind, str]:
        """(kind, name) of a place."""
        if place < len(self.names):
            return PathKind.EVENT, self.names[place]
        return ((PathKind.OTHER, OTHER), *((kind, kind.value) for kind in _ENDS))[place - len(self.names)]

    def places(self) -> int:
        """How many there are."""
        return len(self.names) + 1 + len(_ENDS)


@dataclass(frozen=True)
class _Found:
    """Paths: the customer of each (place among all), and int64[paths, steps + 1] what stands at each step (-1: nothing
    any more) and its instant. many: whether a customer may have several."""

    place: Ints
    stands: Ints
    at: Ints
    steps: tuple[_Step, ...]
    many: bool

    def customers(self, keys: Ints, count: int, place: Ints) -> Ints:
        """int64[count]: how many different customers there are of each key. place: of the customer of each."""
        if not self.many:
            return np.bincount(keys, minlength=count)
        width = int(self.place.max(initial=0)) + 1
        return np.bincount(distinct(keys * width + place) // width, minlength=count)


def paths(desk: Desk, question: PathsQuestion) -> PathsAnswer:
    """The figures. Raises InvalidError for what is missing or malformed, ConditionError for events or a condition."""
    asked = _understood(desk, question)
    found = _found(asked)
    vocabulary, language = asked.scope.vocabulary, desk.settings.language
    of_types = {one.name: one.title_zh if language == "zh" else one.title_en for one in vocabulary.events.values()}
    titles = {f"[{name}]": f"[{title or name}]" for name, title in of_types.items()} if question.name else of_types
    nodes, links = _graph(found, titles)
    tree, more = _tree(found, titles)
    return PathsAnswer(
        asked.scope.asked,
        *in_words(desk, asked.paths.anchor),
        asked.paths.backwards,
        span_text(asked.paths.gap_ms),
        question.name,
        int(found.customers(np.zeros(len(found.place), np.int64), 1, found.place)[0]),
        len(found.place),
        nodes,
        links,
        tree,
        more,
    )


def members(desk: Desk, question: PathsQuestion, cell: Cell) -> Ints:
    """The heads of the customers behind a node, a link or a branch, ascending. Raises InvalidError."""
    only_known(cell, "step", "kind", "name", "from_kind", "from", "branch")
    asked = _understood(desk, question)
    found = _found(asked)
    if "branch" in cell:
        chosen = _in_branch(found, cell["branch"])
    else:
        step = number_in(cell, "step", 0, asked.paths.steps)
        chosen = _standing_at(found, step, cell.get("kind", ""), cell.get("name", ""), "name")
        if "from" in cell or "from_kind" in cell:
            if not step:
                raise _no_cell("step", "0", "a link leads to step 1 or later")
            chosen &= _standing_at(found, step - 1, cell.get("from_kind", ""), cell.get("from", ""), "from")
    return asked.scope.everyone.heads[distinct(found.place[chosen])]


def _understood(desk: Desk, question: PathsQuestion) -> _Asked:
    scope = scoped(desk, question.scope)
    vocabulary = scope.vocabulary
    backwards = bool(question.end.strip())
    if backwards == bool(question.start.strip()):
        raise InvalidError(
            "insight.paths_anchor",
            "paths lead from an event or to one, and the question names " + ("both" if backwards else "neither"),
            where="start", remedy="name the event in `start` (--from) or in `end` (--to)",
        )  # fmt: skip
    anchor = events_asked(question.end if backwards else question.start, vocabulary, "end" if backwards else "start")
    among = events_asked(question.among, vocabulary, "among")
    if question.name:
        known_property(among, question.name, vocabulary, "name")
    steps = count_asked(question.steps, PATH_STEPS_COUNT_MAX, "steps")
    found = Paths(
        anchor, among, steps, span_asked(question.gap, "gap", "the pause that ends a path"),
        scope.since_ms, scope.until_ms, scope.calendar,
        lambda column: _names(column, vocabulary),
        question.name, backwards, question.every, not question.repeats,
    )  # fmt: skip
    top = count_asked(question.top, NAMES_COUNT_MAX, "top")
    return _Asked(scope, found, types_read(desk, anchor, among), top)


def _names(column: Column, vocabulary: Vocabulary) -> list[str]:
    """What values of the property that names events are called. One that reads as a type does, where an event lacks the
    property, is in quotes."""
    names = names_of(column, vocabulary.currency)
    return [f'"{name}"' if name.startswith("[") and name[1:-1] in vocabulary.events else name for name in names]


def _found(asked: _Asked) -> _Found:
    """All paths, what stands at each step ranked and folded."""
    scope = asked.scope
    parts = scope.everyone.map(lambda part: _of_part(asked, part), asked.types)
    if sum(len(one.owner) for one in parts) > PATHS_COUNT_MAX:
        raise InvalidError(
            "insight.paths_too_many", f"more than {PATHS_COUNT_MAX:,} paths", where="every",
            remedy="ask for each customer's first, name a later `since`, or narrow the event by a filter",
        )  # fmt: skip
    codes: dict[str, int] = {}
    tables = [np.array([codes.setdefault(name, len(codes)) for name in one.names], np.int64) for one in parts]
    name = np.concatenate(
        [table[one.name] if len(table) else one.name for table, one in zip(tables, parts, strict=True)]
    )
    taken, end = np.concatenate([one.taken for one in parts]), np.concatenate([one.end for one in parts])
    stands = np.full(name.shape, -1, np.int64)
    steps = []
    for step in range(asked.paths.steps + 1):
        here = np.flatnonzero(taken >= step)
        ranked, folded = _folded(name[here, step], tuple(codes), asked.top)
        stands[here, step] = folded
        steps.append(ranked)
        ended = np.flatnonzero((taken == step - 1) & (end != FULL))
        stands[ended, step] = len(ranked.names) + 1 + (end[ended] != STOPPED)
    at = np.concatenate([one.at for one in parts])
    return _Found(np.concatenate([one.owner for one in parts]), stands, at, tuple(steps), asked.paths.every)


def _of_part(asked: _Asked, part: Part) -> Walked:
    """The paths of the part's own customers whom the question is about; their owners are places among all."""
    found = walked(part.view, asked.paths)
    places = np.full(part.view.count, -1)
    places[slice(None) if part.mine is None else part.mine] = np.arange(asked.scope.everyone.count)[part.places]
    place = places[found.owner]
    kept = (place >= 0) & asked.scope.who[place]
    return Walked(place[kept], found.taken[kept], found.end[kept], found.name[kept], found.at[kept], found.names)


def _folded(codes: Ints, names: Sequence[str], top: int) -> tuple[_Step, Ints]:
    """(the most frequent names of a step, of each path the place of its own among them; one beyond for the rest)."""
    counts = np.bincount(codes, minlength=len(names)).tolist()
    ranked = sorted((code for code, count in enumerate(counts) if count), key=lambda code: (-counts[code], names[code]))
    kept = ranked[:top]
    table = np.full(max(len(names), 1), len(kept), np.int64)
    table[kept] = np.arange(len(kept))
    return _Step(tuple(names[code] for code in kept)), table[codes]


def _graph(found: _Found, titles: dict[str, str]) -> tuple[tuple[PathNode, ...], tuple[PathLink, ...]]:
    nodes: list[PathNode] = []
    links: list[PathLink] = []
    before: dict[int, int] = {}
    for step, known in enumerate(found.steps):
        here = np.flatnonzero(found.stands[:, step] >= 0)
        stands, place = found.stands[here, step], found.place[here]
        counts = np.bincount(stands, minlength=known.places())
        customers = found.customers(stands, known.places(), place)
        spans = np.abs(found.at[here, step] - found.at[here, step - 1]) if step else None
        nodes_here = {int(one): len(nodes) + number for number, one in enumerate(np.flatnonzero(counts))}
        for one in nodes_here:
            kind, name = known.standing(one)
            median = _median(spans, stands == one) if kind not in _ENDS else None
            nodes.append(PathNode(
                step, kind, name, titles.get(name, "") if kind is PathKind.EVENT else "", int(customers[one]),
                int(counts[one]), int(counts[one]) / len(found.place), median, _cell(step, kind, name),
            ))  # fmt: skip
        if step:
            width = known.places()
            pairs = found.stands[here, step - 1] * width + stands
            sizes = np.bincount(pairs)
            of_pairs = found.customers(pairs, len(sizes), place)
            for pair in np.flatnonzero(sizes).tolist():
                source, target = before[pair // width], nodes_here[pair % width]
                median = _median(spans, pairs == pair) if nodes[target].kind not in _ENDS else None
                cell = {**nodes[target].cell, **_cell(step, nodes[source].kind, nodes[source].name, "from")}
                links.append(PathLink(source, target, int(of_pairs[pair]), int(sizes[pair]), median, cell))
        before = nodes_here
    return tuple(nodes), tuple(links)


def _cell(step: int, kind: PathKind, name: str, coordinate: str = "name") -> dict[str, str]:
    place = {"step": str(step)}
    if kind is PathKind.EVENT:
        return place | {coordinate: name}
    return place | {"kind" if coordinate == "name" else "from_kind": kind.value}


def _median(spans: Ints | None, flags: Flags) -> int | None:
    """The smallest span that half of those marked don't exceed."""
    if spans is None or not flags.any():
        return None
    chosen = spans[flags]
    middle = (len(chosen) + 1) // 2 - 1
    return int(np.partition(chosen, middle)[middle])


def _tree(found: _Found, titles: dict[str, str]) -> tuple[tuple[PathBranch, ...], int]:
    """The most travelled beginnings of paths. A parent has at least as many paths as a child, so it is among them."""
    prefix = np.zeros(len(found.place), np.int64)
    branches: list[tuple[tuple[int, ...], int, int, int, int, int | None]] = []
    keys: list[tuple[int, ...]] = [()]
    for step, known in enumerate(found.steps):
        width, ends = known.places(), len(known.names) + 1
        here = np.flatnonzero((found.stands[:, step] >= 0) & (found.stands[:, step] < ends))
        present, prefix_here = np.unique(prefix[here] * width + found.stands[here, step], return_inverse=True)
        keys = [(*keys[one // width], one % width) for one in present.tolist()]
        prefix[here] = prefix_here
        counts = np.bincount(prefix_here, minlength=len(keys))
        customers = found.customers(prefix_here, len(keys), found.place[here])
        stopped, ongoing = _ended(found, step, here, prefix_here, len(keys))
        medians = _medians(found, step, here, prefix_here, len(keys))
        columns = (counts.tolist(), customers.tolist(), stopped.tolist(), ongoing.tolist(), medians)
        branches += zip(keys, *columns, strict=True)
    branches.sort(key=lambda one: (-one[1], len(one[0]), one[0]))
    shown = {one[0]: one for one in branches[:BRANCHES_COUNT_MAX]}
    ordered = sorted(shown, key=lambda key: [(-shown[key[: depth + 1]][1], key[depth]) for depth in range(len(key))])
    return tuple(_branch(found, titles, key, shown) for key in ordered), len(branches) - len(shown)


_Branch = tuple[tuple[int, ...], int, int, int, int, "int | None"]


def _ended(found: _Found, step: int, here: Ints, prefix: Ints, count: int) -> tuple[Ints, Ints]:
    """How many paths of each prefix stop after it, and how many are still going on."""
    if step + 1 >= len(found.steps):
        return np.zeros(count, np.int64), np.zeros(count, np.int64)
    following = found.stands[here, step + 1] - (len(found.steps[step + 1].names) + 1)
    stopped, ongoing = (np.bincount(prefix[following == place], minlength=count) for place in (0, 1))
    return stopped, ongoing


def _medians(found: _Found, step: int, here: Ints, prefix: Ints, count: int) -> list[int | None]:
    """The median time from the step before, of each prefix."""
    if not step:
        return [None] * count
    spans = np.abs(found.at[here, step] - found.at[here, step - 1])
    spans = spans[np.lexsort((spans, prefix))]
    sizes = np.bincount(prefix, minlength=count)
    starts = np.cumsum(sizes) - sizes
    medians: list[int | None] = spans[starts + (sizes + 1) // 2 - 1].tolist()
    return medians


def _branch(
    found: _Found, titles: dict[str, str], key: tuple[int, ...], shown: dict[tuple[int, ...], _Branch]
) -> PathBranch:
    _, count, customers, stopped, ongoing, median = shown[key]
    standing = [found.steps[step].standing(place) for step, place in enumerate(key)]
    kind, name = standing[-1]
    whole = shown[key[:-1]][1] if len(key) > 1 else len(found.place)
    named = [one if of is PathKind.EVENT else {"kind": of.value} for of, one in standing]
    return PathBranch(
        len(key) - 1, kind, name, titles.get(name, "") if kind is PathKind.EVENT else "", customers, count,
        count / whole, stopped, ongoing, median, {"branch": msgspec.json.encode(named).decode()},
    )  # fmt: skip


def _standing_at(found: _Found, step: int, kind: str, name: str, coordinate: str) -> Flags:
    """bool[paths]: at which this stands at a step."""
    known = found.steps[step]
    standing = [known.standing(place) for place in range(known.places())]
    if not kind and not name:
        cell_value({}, coordinate)
    wanted = (PathKind.EVENT.value, name) if name and kind in ("", PathKind.EVENT) else (kind, None)
    for place, (of, called) in enumerate(standing):
        if of == wanted[0] and (wanted[1] is None or called == wanted[1]):
            flags: Flags = found.stands[:, step] == place
            return flags
    shown = ", ".join(known.names[:8])
    raise _no_cell(coordinate, name or kind, f"at step {step} there are {shown}" if shown else "there are no paths")


def _in_branch(found: _Found, text: str) -> Flags:
    """bool[paths]: which begin so."""
    try:
        standing = msgspec.json.decode(text, type=list[str | dict[str, str]])
    except msgspec.MsgspecError:
        raise _no_cell("branch", text, "take it from the tree of the answer") from None
    if not 1 <= len(standing) <= len(found.steps):
        raise _no_cell("branch", text, f"a branch has 1 to {len(found.steps)} steps")
    flags = np.ones(len(found.place), np.bool_)
    for step, one in enumerate(standing):
        kind, name = ("", one) if isinstance(one, str) else (one.get("kind", ""), "")
        flags &= _standing_at(found, step, kind, name, "branch")
    return flags


def _no_cell(coordinate: str, value: str, remedy: str) -> InvalidError:
    return InvalidError(
        "insight.cell_unknown", f"the answer has no {coordinate} {value!r}", where=f"cell.{coordinate}", remedy=remedy
    )
