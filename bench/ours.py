"""Yutang in a process of its own: `python -m bench.ours POOL OUT [QUESTION …]`.

Opens the pool and asks as the API's handlers do, on a desk; writes times, answers and memory as JSON. Questions beside
those of the comparison: `preview` (each of the two hundred alone), `single_customer`, `handoff`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench import world as made
from bench.asked import (
    BEFORE_MS,
    COMPARED,
    FIRST_WEEK_MS,
    FUNNEL,
    SEGMENT,
    WEEKS,
    WINDOW_DAYS,
    Answer,
    for_peers,
    listed,
)
from bench.conditions import conditions
from bench.peer import disk_mb, memory_mb, timed
from bench.peers.trials import STAGES
from yutang.app import BLUEPRINT
from yutang.conditions.grammar import parse
from yutang.conditions.nodes import Test
from yutang.domains.audience.api import questions
from yutang.domains.audience.api.evaluating import SEVERAL_CUSTOMERS_AT_ONCE_MAX, everyone, holds, point, read_for
from yutang.domains.audience.contracts import AskQuestion
from yutang.kernel.clock import SystemClock
from yutang.kernel.faults import NoFaults
from yutang.kernel.instants import instant_text
from yutang.runtime.desk import Desk
from yutang.runtime.folder import Folder
from yutang.runtime.pool import Pool
from yutang.runtime.settings import Settings
from yutang.runtime.slots import PEOPLE, VOCABULARY
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.everyone import Part

NOW = instant_text(made.END_MS)
CUSTOMERS_ALONE = 300


@contextmanager
def opened(folder: Path) -> Iterator[Desk]:
    """A desk on a pool, its columns let be."""
    with closing(Pool(Folder(folder), Settings(), BLUEPRINT, SystemClock(), NoFaults())) as pool:
        yield pool.desk("bench")


def asks(desk: Desk) -> dict[str, Callable[[], Answer]]:
    """What is asked, by the question's name."""
    texts = [one.text for one in conditions(made.END_MS)]
    return {
        "funnel": lambda: _funnel(desk),
        "retention": lambda: _retention(desk),
        "flow": lambda: _flow(desk),
        "segment": lambda: [questions.ask(desk, AskQuestion(SEGMENT, NOW, 0)).count],
        "segments_200": lambda: at_once(desk, texts),
        "rfm": lambda: _rfm(desk),
    }


def _funnel(desk: Desk) -> Answer:
    from yutang.domains.insight.api.funnel import funnel
    from yutang.domains.insight.contracts.asking import Scope
    from yutang.domains.insight.contracts.funnel import FunnelQuestion

    steps = tuple(made.TYPES[step] for step in FUNNEL)
    scope = Scope(as_of=NOW)
    answer = funnel(desk, FunnelQuestion(steps, f"{WINDOW_DAYS}d", times=False, scope=scope))
    return [stage.customers for stage in answer.whole.stages]


def _retention(desk: Desk) -> Answer:
    from yutang.domains.insight.api.retention import retention
    from yutang.domains.insight.contracts.asking import Scope
    from yutang.domains.insight.contracts.retention import RetentionQuestion

    scope = Scope(since=instant_text(FIRST_WEEK_MS), as_of=NOW)
    answer = retention(desk, RetentionQuestion("*", per="week", periods=WEEKS, scope=scope))
    cohorts = [row for row in answer.rows if row.cohort]
    return listed({
        (cohort, k): cell.customers
        for cohort, row in enumerate(cohorts) for k, cell in enumerate(row.returned[0].cells)
    })  # fmt: skip


def _flow(desk: Desk) -> Answer:
    from yutang.domains.insight.api.flow import flow
    from yutang.domains.insight.contracts.asking import Scope
    from yutang.domains.insight.contracts.flow import FlowQuestion

    answer = flow(desk, FlowQuestion("aipl", scope=Scope(since=instant_text(BEFORE_MS), as_of=NOW)))
    code = {stage: place - 1 for place, stage in enumerate(STAGES)}
    matrix = answer.flows[""].matrix
    return listed({(code[a], code[b]): count for a, row in matrix.items() for b, count in row.items()})


def _rfm(desk: Desk) -> Answer:
    from yutang.domains.insight.api.rfm import rfm
    from yutang.domains.insight.contracts.asking import Scope
    from yutang.domains.insight.contracts.rfm import RfmQuestion

    answer = rfm(desk, RfmQuestion(scope=Scope(as_of=NOW)))
    cells = answer.rows[-1].cells
    return listed({(cell.recency - 1, cell.frequency - 1, cell.monetary - 1): cell.customers for cell in cells})


def at_once(desk: Desk, texts: Sequence[str]) -> Answer:
    """Of each condition, how many customers satisfy it and the sum of their numbers; equal parts are worked once."""
    epoch, vocabulary = desk.epoch, desk.epoch[VOCABULARY]
    tests = [parse(text, vocabulary) for text in texts]
    everybody, context = everyone(epoch), point(epoch, made.END_MS, tests)

    def work(part: Part) -> list[tuple[int, int]]:
        evaluated, heads = Evaluation(part.view, context), everybody.heads[part.places]
        counted = part.own(part.view.first_seen() <= made.END_MS)
        return [_told(part.own(evaluated.truth(test).value) == 1, counted, heads) for test in tests]

    parts = everybody.map(work, read_for(epoch, tests), SEVERAL_CUSTOMERS_AT_ONCE_MAX)
    found = np.sum(np.array(parts, np.int64), axis=0)
    return [[int(count), int(total)] for count, total in found]


def _told(flags: Any, counted: Any, heads: Any) -> tuple[int, int]:
    chosen = flags & counted
    return int(chosen.sum()), int(heads[chosen].sum())


def told(desk: Desk, text: str) -> Answer:
    """How many satisfy a condition and the sum of their numbers, by the question that `ask` puts."""
    heads, _ = questions.members_at(desk.epoch, _parsed(desk, text), made.END_MS)
    return [len(heads), int(heads.sum())]


def _parsed(desk: Desk, text: str) -> Test:
    return parse(text, desk.epoch[VOCABULARY])


def preview(desk: Desk) -> dict[str, Any]:
    """Each of the two hundred alone, as somebody who writes it sees it: median seconds of three times, by text."""
    found = {}
    for one in conditions(made.END_MS):
        question = AskQuestion(one.text, NOW, 0)
        times, _ = timed(lambda question=question: questions.ask(desk, question), 3)  # type: ignore[misc]
        found[one.text] = statistics.median(times)
    return found


def single_customer(desk: Desk) -> list[float]:
    """Seconds to evaluate the segment for one customer, of some customers; the first few aren't counted."""
    epoch, test = desk.epoch, _parsed(desk, SEGMENT)
    heads = epoch[PEOPLE].heads()
    chosen = np.random.default_rng(made.SEED).choice(heads, CUSTOMERS_ALONE)
    times = []
    for head in chosen.tolist():
        began = time.perf_counter()
        holds(epoch, head, test, made.END_MS)
        times.append(time.perf_counter() - began)
    return times[20:]


def handoff() -> list[float]:
    """Seconds that a call of a compiled kernel takes for nothing: arguments checked, GIL let go, result handed back."""
    from yutang.timeline.kernels.gather import rows_between

    none = np.zeros(0, np.int64)
    times = []
    for _ in range(200):
        began = time.perf_counter()
        for _ in range(100):
            rows_between(none, none, none)
        times.append((time.perf_counter() - began) / 100)
    return times[20:]


BESIDE = ("preview", "single_customer", "handoff")


def main(arguments: Sequence[str]) -> None:
    """Open, ask, write."""
    folder, out, *names = arguments
    began = time.perf_counter()
    facts: dict[str, Any] = {"found": {}}
    with opened(Path(folder)) as desk:
        facts["open_s"] = time.perf_counter() - began
        asked = asks(desk)
        for name in names or COMPARED:
            if name in BESIDE:
                continue
            began = time.perf_counter()
            answer = asked[name]()
            cold = time.perf_counter() - began
            times, answer = timed(asked[name])
            answer = told(desk, SEGMENT) if name == "segment" else answer
            facts["found"][name] = {"times": times, "answer": answer, "cold_s": cold}
        if "segments_200" in facts["found"]:
            facts["found"]["segments_200"]["texts"] = [one.text for one in conditions(made.END_MS)]
            said = [one.text for one in for_peers()]
            times, _ = timed(lambda: at_once(desk, said))
            facts["found"]["segments_200"]["said_times"] = times
        if "preview" in names:
            facts["preview"] = preview(desk)
        if "single_customer" in names:
            facts["single_customer"] = single_customer(desk)
        if "handoff" in names:
            facts["handoff"] = handoff()
        facts |= memory_mb() | {"disk_mb": disk_mb(Path(folder) / "lake"), "cache_mb": disk_mb(Path(folder) / "cache")}
    Path(out).write_text(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1:])
