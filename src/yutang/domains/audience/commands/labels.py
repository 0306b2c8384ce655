"""Labels on the command line: which there are, what they say, how they are defined."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from rich.text import Text

from yutang.domains.audience.api import definitions, questions
from yutang.domains.audience.commands.printing import AsOf, Json, print_json
from yutang.domains.audience.contracts import (
    Building,
    CountedLabel,
    LabelDraft,
    LabelKind,
    LabelView,
    RungDraft,
)
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import SECOND_MS
from yutang.kernel.speech import Say, speaker
from yutang.kernel.words import Caller, Command, Line, Permission
from yutang.runtime.desk import Desk
from yutang.runtime.terminal import Column, show, show_table, text


@dataclass(frozen=True, slots=True)
class LabelsQuestion:
    """As of when to count; "" for pool time."""

    as_of: str = ""


@dataclass(frozen=True, slots=True)
class LabelsAnswer:
    """Every label."""

    labels: tuple[CountedLabel, ...]


@dataclass(frozen=True, slots=True)
class LabelQuestion:
    """Which label."""

    name: str


@dataclass(frozen=True, slots=True)
class BuildingQuestion:
    """How far a definition is; version 0: whichever waits. wait_ms: how long to wait for it to come into force."""

    name: str
    version: int = 0
    wait_ms: int = 0


@dataclass(frozen=True, slots=True)
class BuildingAnswer:
    """How far it is; None: it is in force, or another has taken its place.

    attended: whether somebody works it out by themselves (a service), and not only while it is waited for.
    """

    building: Building | None
    attended: bool


def _building(desk: Desk, question: BuildingQuestion) -> BuildingAnswer:
    building = definitions.await_building(desk, question.name, question.version, question.wait_ms / SECOND_MS)
    return BuildingAnswer(building, definitions.attended(desk))


LABELS = Command(
    "audience.labels",
    Permission.AUDIENCE_READ,
    LabelsQuestion,
    LabelsAnswer,
    lambda desk, question: LabelsAnswer(tuple(questions.labels(desk, question.as_of))),
)
LABEL = Command(
    "audience.label",
    Permission.AUDIENCE_READ,
    LabelQuestion,
    LabelView,
    lambda desk, question: definitions.show(desk, question.name),
)
DEFINE = Command("audience.define", Permission.AUDIENCE_WRITE, LabelDraft, LabelView, definitions.begin)
BUILDING = Command("audience.building", Permission.AUDIENCE_WRITE, BuildingQuestion, BuildingAnswer, _building)
COMMANDS = (LABELS, LABEL, DEFINE, BUILDING)

WORDS = {
    "none": ("无", "none"),
    "tag": ("标签", "tag"),
    "stage": ("阶段", "stage"),
    "tier": ("分层", "tier"),
    "segment": ("人群", "segment"),
    "building": ("v{version} 计算中 {share:.0f} %", "v{version} building {share:.0f} %"),
    "working": ("计算 {name}", "working out {name}"),
    "goes_on": ("在后台继续计算：yutang label list", "goes on in the background: yutang label list"),
    "nothing_waits": ("没有等待计算的定义", "no definition waits"),
}
LOOK_PERIOD_MS = 200  # between two looks at how far a definition is


def list_labels(ctx: typer.Context, as_of: AsOf = "", as_json: Json = False) -> None:
    """Every label with its values and how many customers have each."""
    caller: Caller = ctx.obj
    answer = caller.call(LABELS, LabelsQuestion(as_of))
    if as_json:
        print_json(answer.labels)
        return
    say = speaker(WORDS, caller.language)
    rows = []
    for one in answer.labels:
        label = one.label
        kind = say(label.kind.value) + (f" v{label.version}" if label.version > 1 and one.counts else "")
        title = "" if label.title.lower() == label.name else label.title
        rows.append((text(label.name, "bold"), title, kind, _counts(one, say)))
    columns = [Column(whole=True), Column(style="dim", rank=2), Column(style="dim", rank=1)]
    show_table([*columns, Column(wrap=True, least=56)], rows)


def _being_built(building: Building, say: Say) -> Text:
    """Which version is being worked out, and how far that is."""
    return text(say("building").format(version=building.version, share=_share(building)), "yellow")


def _share(building: Building) -> float:
    return 100 * building.done / building.of if building.of else 0.0


def _counts(one: CountedLabel, say: Say) -> Text:
    titles = {rung.value: rung.title for rung in one.label.rungs} | {"none": say("none")}
    line = Text()
    for value, count in one.counts.items():
        title = titles.get(value, value)
        meant = value if title.lower() == value.lower() else f"{value} {title}"
        line.append("  " if line else "").append(f"{meant} ").append(f"{count:,}", "bold")
    if one.label.building is not None:
        line.append("  " if line else "").append_text(_being_built(one.label.building, say))
    return line


def show_label(ctx: typer.Context, name: str, as_json: Json = False) -> None:
    """One label: each value's condition, and what it says."""
    caller: Caller = ctx.obj
    label = caller.call(LABEL, LabelQuestion(name))
    if as_json:
        print_json(label)
        return
    say = speaker(WORDS, caller.language)
    facts = f"{say(label.kind.value)} v{label.version} · {label.zone}"
    show(text(label.name, "bold"), f"  {label.title}  ", text(facts, "dim"))
    if label.building is not None:
        show(_being_built(label.building, say), indent=2)
    if label.measure:
        show(text(label.measure, "dim"), indent=2)
    for rung in label.rungs:
        show(text(rung.value, "bold"), f"  {rung.title}", indent=2)
        show(rung.sentence, indent=4)
        show(text(rung.condition, "dim"), indent=4)


def define(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="small letters, digits, _")],
    rungs: Annotated[list[str], typer.Argument(help="VALUE=CONDITION in ladder order, or one bare CONDITION")],
    kind: Annotated[LabelKind, typer.Option()] = LabelKind.SEGMENT,
    title_zh: Annotated[str, typer.Option(help="what it is called in Chinese")] = "",
    title_en: Annotated[str, typer.Option(help="what it is called in English")] = "",
    zone: Annotated[str, typer.Option(help="time zone of its calendar windows; default: the pool's")] = "",
    wait: Annotated[
        bool, typer.Option(help="return once it is in force; a pool without a service always waits")
    ] = True,
) -> None:
    """Define or change a label; a single condition makes a segment.

    Everybody is evaluated beside the log, and until that is done the definition of before stands.
    """
    caller: Caller = ctx.obj
    pairs = tuple(_rung(one, alone=len(rungs) == 1) for one in rungs)
    label = caller.call(DEFINE, LabelDraft(name, kind, pairs, title_zh, title_en, zone))
    say = speaker(WORDS, caller.language)
    building = label.building
    if building is not None:
        if not wait and caller.call(BUILDING, BuildingQuestion(name, building.version)).attended:
            show(text("… ", "yellow"), f"{name} ", _being_built(building, say), "  ", text(say("goes_on"), "dim"))
            return
        _await(caller, name, building, say)
    show(text("✓ ", "green"), f"{label.name} v{caller.call(LABEL, LabelQuestion(name)).version}")


def _await(caller: Caller, name: str, building: Building, say: Say) -> None:
    """Show how far a definition is until it is in force. Raises what keeps it from being worked out."""
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        task = progress.add_task(say("working").format(name=name), total=building.of, completed=building.done)
        found: Building | None = building
        while found is not None:
            question = BuildingQuestion(name, building.version, LOOK_PERIOD_MS)
            found = caller.call(BUILDING, question).building
            progress.update(task, completed=building.of if found is None else found.done)


def build(ctx: typer.Context) -> None:
    """Work out the definitions that wait, such as those of a command that was interrupted; a service does by itself."""
    caller: Caller = ctx.obj
    say = speaker(WORDS, caller.language)
    waiting = [one.label for one in caller.call(LABELS, LabelsQuestion()).labels if one.label.building is not None]
    for label in waiting:
        if label.building is not None:
            _await(caller, label.name, label.building, say)
        show(text("✓ ", "green"), f"{label.name} v{caller.call(LABEL, LabelQuestion(label.name)).version}")
    if not waiting:
        show(text(say("nothing_waits"), "dim"))


def _rung(said: str, *, alone: bool) -> RungDraft:
    value, found, condition = said.partition("=")
    if found and value.strip().isidentifier():
        return RungDraft(value.strip(), condition)
    if alone:
        return RungDraft("in", said)
    raise InvalidError("label.rung", f"{said!r} doesn't name its value", remedy="write VALUE=CONDITION")


LINES = (
    Line("label list", list_labels),
    Line("label show", show_label),
    Line("label define", define),
    Line("label build", build),
)
