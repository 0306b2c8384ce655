"""`yutang clock`: pool time shown and moved. Moving it is a record of the log: what falls due, falls due."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from yutang.kernel.clock import ClockMode, PoolClock
from yutang.kernel.errors import ConflictError, InvalidError
from yutang.kernel.instants import INSTANT_MAX_MS, INSTANT_MIN_MS, instant_from_text, instant_text, span_from_text
from yutang.kernel.speech import speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import CLOCK
from yutang.runtime.terminal import show as show_line
from yutang.runtime.terminal import text

WORDS = {"real": ("真实", "real"), "standing": ("停住", "standing"), "running": ("走动", "running")}


@dataclass(frozen=True, slots=True)
class ClockQuestion:
    """mode: `show`, `set`, `advance`, `run` or `real`. at: an instant (set, run). by: a span (advance)."""

    mode: str
    at: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class ClockAnswer:
    """How pool time moves, and what it is."""

    mode: ClockMode
    now: str


def _answer(desk: Desk, question: ClockQuestion) -> ClockAnswer:
    if question.mode != "show":
        clock = _moved(desk, question)
        fields = {"mode": clock.mode.value, "at_ms": clock.at_ms, "machine_ms": clock.machine_ms}
        desk.submit(CLOCK, msgspec.msgpack.encode(fields))
        desk = desk.renewed()
    return ClockAnswer(desk.epoch.clock.mode, instant_text(desk.now_ms))


def _moved(desk: Desk, question: ClockQuestion) -> PoolClock:
    machine_ms = desk.machine.now_ms()
    if question.mode == "real":
        return PoolClock()
    if question.mode == "set":
        return PoolClock(ClockMode.STANDING, _in_range(instant_from_text(question.at, where="clock set")))
    if question.mode == "run":
        start = instant_from_text(question.at, where="clock run") if question.at else desk.now_ms
        return PoolClock(ClockMode.RUNNING, _in_range(start), machine_ms)
    if not desk.epoch.clock.simulated:
        raise ConflictError(
            "clock.real",
            "a real clock can't be advanced",
            where="clock advance",
            remedy="make it simulated first: yutang clock set INSTANT",
        )
    there = desk.now_ms + span_from_text(question.by, where="clock advance")
    return PoolClock(desk.epoch.clock.mode, _in_range(there), machine_ms)


def _in_range(instant: int) -> int:
    """An instant that events, and so the clock, may reach. Raises InvalidError."""
    if not INSTANT_MIN_MS <= instant < INSTANT_MAX_MS:
        first, last = instant_text(INSTANT_MIN_MS), instant_text(INSTANT_MAX_MS)
        raise InvalidError(
            "clock.range", f"a pool's clock goes from {first} to {last}", where="clock", remedy="check the year"
        )
    return instant


CLOCK_COMMAND = Command("runtime.clock", Permission.OPERATE, ClockQuestion, ClockAnswer, _answer)
COMMANDS = (CLOCK_COMMAND,)


def _tell(ctx: typer.Context, question: ClockQuestion) -> None:
    caller: Caller = ctx.obj
    answer = caller.call(CLOCK_COMMAND, question)
    show_line(f"{answer.now}  ", text(speaker(WORDS, caller.language)(answer.mode.value), "dim"))


def show(ctx: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print pool time and how it moves."""
    if as_json:
        caller: Caller = ctx.obj
        answer = caller.call(CLOCK_COMMAND, ClockQuestion("show"))
        typer.echo(msgspec.json.encode(answer).decode())
    else:
        _tell(ctx, ClockQuestion("show"))


def set_(ctx: typer.Context, instant: Annotated[str, typer.Argument(help="such as 2018-01-01T04:01:20Z")]) -> None:
    """Make the clock simulated, standing at an instant; never back once the pool has records."""
    _tell(ctx, ClockQuestion("set", at=instant))


def advance(ctx: typer.Context, span: Annotated[str, typer.Argument(help="such as 30d or 12h")]) -> None:
    """Move a simulated clock on: every label that changes by time alone does, at its second."""
    _tell(ctx, ClockQuestion("advance", by=span))


def run(
    ctx: typer.Context, start: Annotated[str, typer.Option("--from", help="an instant; default: where it stands")] = ""
) -> None:
    """Let a simulated clock run beside the machine's."""
    _tell(ctx, ClockQuestion("run", at=start))


def real(ctx: typer.Context) -> None:
    """Make pool time the machine's time."""
    _tell(ctx, ClockQuestion("real"))


LINES = (
    Line("clock show", show),
    Line("clock set", set_),
    Line("clock advance", advance),
    Line("clock run", run),
    Line("clock real", real),
)
