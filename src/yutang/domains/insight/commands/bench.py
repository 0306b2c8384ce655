"""`yutang bench`: how fast this pool answers, beside other engines on the same events."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.text import Text

from yutang.domains.insight.api import bench as asked_of
from yutang.domains.insight.contracts.bench import (
    BENCH_SYSTEMS,
    BENCH_TRIALS,
    BenchPlan,
    BenchQuestion,
    BenchRun,
    BenchTimes,
    BenchTurn,
)
from yutang.kernel.clock import SystemClock
from yutang.kernel.errors import UnavailableError
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.terminal import Column, show, show_table, text

# The plan writes all events of the pool into a file: it takes what reading all of them by SQL takes.
PLAN = Command("insight.bench_plan", Permission.INSIGHT_SQL, BenchQuestion, BenchPlan, asked_of.plan)
TURN = Command("insight.bench_turn", Permission.INSIGHT_SQL, BenchTurn, BenchTimes, asked_of.turn)
COMMANDS = (PLAN, TURN)

OURS = "yutang"
REPEATS, REPEATS_MAX = 5, 100
WORDS = {
    "events": (
        "{customers:,} 位客户，{events:,} 条事件，截至 {as_of}",
        "{customers:,} customers, {events:,} events, as of {as_of}",
    ),
    "funnel": ("漏斗 {steps}，{window} 内", "funnel {steps} in {window}"),
    "retention": ("周留存，12 周：任一事件之后的任一事件", "weekly retention over 12 weeks: any event after any event"),
    "segment": ("人群 {condition}", "segment {condition}"),
    "question": ("问题", "question"),
    "system": ("系统", "system"),
    "median": ("中位数", "median"),
    "spread": ("最小 – 最大", "min – max"),
    "ratio": ("倍数", "ratio"),
    "answer": ("答案", "answer"),
    "equal": ("相等", "equal"),
    "differs": ("不同，用时不算数", "differs: no time counts"),
    "q_funnel": ("漏斗", "funnel"),
    "q_retention": ("留存", "retention"),
    "q_segment": ("人群", "segment"),
    "load": ("准备数据：{loads}", "preparation: {loads}"),
    "threads": ("各用两个线程；倍数为对方用时除以本系统用时", "two threads each; ratio: theirs by ours"),
    "missing": (
        "{system} 未安装：pip install 'yutang[bench]'", "{system} isn't installed: pip install 'yutang[bench]'",
    ),
    "exporting": ("写出事件", "writing events"),
    "asking": ("{system}：{question}", "{system}: {question}"),
    "loading": ("{system}：载入并回答", "{system}: loading and answering"),
}  # fmt: skip


def bench(
    ctx: typer.Context,
    peers: Annotated[
        list[str] | None, typer.Option("--peer", help="duckdb, chdb or polars; again for more; default: what is there")
    ] = None,
    repeats: Annotated[
        int, typer.Option("--repeats", min=1, max=REPEATS_MAX, help="how often each is asked")
    ] = REPEATS,
    as_json: Annotated[bool, typer.Option("--json", help="print what was measured as JSON")] = False,
) -> None:
    """Measure this pool beside other engines, on the same events: funnel, retention, a segment never asked before."""
    caller: Caller = ctx.obj
    say = speaker(WORDS, caller.language)
    systems = _systems(peers, say)
    with TemporaryDirectory(prefix="yutang-bench-") as folder, _progress(1 + len(BENCH_TRIALS) + len(systems)) as step:
        step(say("exporting"))
        plan = caller.call(PLAN, BenchQuestion(folder))
        ours: dict[str, BenchTimes] = {}
        for name in BENCH_TRIALS:
            step(say("asking").format(system=OURS, question=say(f"q_{name}")))
            ours[name] = caller.call(TURN, BenchTurn(plan, name, repeats))
        theirs = []
        for system in systems:
            step(say("loading").format(system=system))
            theirs.append(asked_of.run_peer(system, plan, repeats, SystemClock()))
    if as_json:
        typer.echo(json.dumps(_as_json(plan, ours, theirs), ensure_ascii=False, indent=2))
        return
    _print(say, plan, ours, theirs)


def _systems(wanted: Sequence[str] | None, say: Say) -> list[str]:
    """Those that were named, which must be there; else those that are."""
    if wanted:
        for system in wanted:
            asked_of.installed(system)
        return list(dict.fromkeys(wanted))
    found = []
    for system in BENCH_SYSTEMS:
        try:
            asked_of.installed(system)
        except UnavailableError:
            show(text(say("missing").format(system=system), "dim"))
        else:
            found.append(system)
    return found


@contextmanager
def _progress(steps: int) -> Iterator[Any]:
    """A bar on the error stream, so that the answer can be piped. Gives what says that another step begins."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=steps, completed=-1)
        yield lambda said: progress.update(task, advance=1, description=said)


def _print(say: Say, plan: BenchPlan, ours: Mapping[str, BenchTimes], theirs: Sequence[BenchRun]) -> None:
    show(say("events").format(customers=plan.customers, events=plan.events, as_of=plan.as_of))
    show(text("  " + say("funnel").format(steps=" → ".join(plan.steps), window=plan.window), "dim"))
    show(text("  " + say("retention"), "dim"))
    show(text("  " + say("segment").format(condition=plan.condition), "dim"))
    columns = (
        Column(say("question"), whole=True), Column(say("system"), whole=True),
        Column(say("median"), right=True, whole=True), Column(say("spread"), right=True, rank=2),
        Column(say("ratio"), right=True, whole=True), Column(say("answer")),
    )  # fmt: skip
    show_table(columns, [row for name in BENCH_TRIALS for row in _rows(say, name, ours, theirs)])
    first_s = sum(max(0.0, one.first_s - median(one.times_s)) for one in ours.values())
    loads = [f"{OURS} {first_s:.1f} s", *(f"{run.system} {run.version} {run.load_s:.1f} s" for run in theirs)]
    show(text(say("load").format(loads=", ".join(loads)), "dim"))
    show(text(say("threads"), "dim"))


def _rows(
    say: Say, name: str, ours: Mapping[str, BenchTimes], theirs: Sequence[BenchRun]
) -> Iterator[tuple[object, ...]]:  # fmt: skip
    mine = ours[name]
    best = median(mine.times_s)
    yield text(say(f"q_{name}"), "bold"), OURS, _ms(best), _spread(mine), "", ""
    for run in theirs:
        one = run.turns[name]
        equal = one.answer == mine.answer
        ratio = f"{median(one.times_s) / best:.1f}×" if equal else "–"
        told = Text(say("equal"), "green") if equal else Text(say("differs"), "bold red")
        yield "", run.system, _ms(median(one.times_s)), _spread(one), ratio, told


def _ms(seconds: float) -> str:
    return f"{seconds * 1_000:,.1f} ms"


def _spread(times: BenchTimes) -> str:
    return f"{min(times.times_s) * 1_000:,.1f} – {max(times.times_s) * 1_000:,.1f}"


def _as_json(plan: BenchPlan, ours: Mapping[str, BenchTimes], theirs: Sequence[BenchRun]) -> dict[str, Any]:
    rows = [
        {
            "question": name, "system": system, "version": version, "median_s": median(found.times_s),
            "first_s": found.first_s, "times_s": found.times_s, "load_s": load_s,
            "ratio": median(found.times_s) / median(ours[name].times_s), "equal": found.answer == ours[name].answer,
        }
        for system, version, load_s, turns in [
            (OURS, "", 0.0, ours), *((run.system, run.version, run.load_s, run.turns) for run in theirs)
        ]
        for name, found in turns.items()
    ]  # fmt: skip
    asked = {key: value for key, value in asdict(plan).items() if key not in ("folder", *BENCH_TRIALS)}
    return {"plan": asked, "rows": rows}


LINES = (Line("bench", bench),)
