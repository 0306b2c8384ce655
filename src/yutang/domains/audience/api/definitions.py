"""Labels as data: read from their source, checked against the vocabulary, changed by a record of the log."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib import resources
from typing import Any, cast

import msgspec
import yaml

from yutang.conditions.grammar import parse
from yutang.conditions.nodes import Always, Compare, Subject, Unknown
from yutang.conditions.sentences import sentence
from yutang.conditions.text import to_text
from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.audience.api.building import BUILDER
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import (
    ABSENT,
    DEFINE,
    NONE,
    Building,
    DefineRecord,
    Label,
    LabelDraft,
    LabelKind,
    LabelRung,
    LabelView,
    Quintile,
    RungDraft,
    RungView,
)
from yutang.domains.audience.rules.changes import AudienceState, plan_of
from yutang.kernel.errors import ConditionError, ConflictError, InvalidError, NotFoundError
from yutang.kernel.limits import NAME_CHARS_MAX
from yutang.runtime.desk import Desk
from yutang.runtime.slots import VOCABULARY
from yutang.timeline.boundaries import calendar

LABEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
RUNGS_COUNT_MAX = 100
VALUE_CHARS_MAX = 64
RESERVED_VALUES = frozenset({NONE, ABSENT, ""})
DEFINE_WAIT_S_MAX = 120.0  # of a call that defines; the definition comes into force even so
BUILDING_WAIT_S_MAX = 10  # of a call that asks how far it is
LabelSource = Mapping[str, Any]  # a label as `builtin.yaml` writes it


def builtin_sources() -> Sequence[LabelSource]:
    """The labels that every pool begins with, as written."""
    text = resources.files("yutang.domains.audience").joinpath("builtin.yaml").read_text("utf-8")
    return cast("Sequence[LabelSource]", yaml.safe_load(text))


def label_from_source(source: LabelSource, vocabulary: Vocabulary) -> Label:
    """A label with its conditions read. Raises ConditionError at the place."""
    title = source.get("title", {})
    quintile = source.get("quintile")
    return Label(
        name=source["name"],
        kind=LabelKind(source["kind"]),
        rungs=tuple(
            LabelRung(
                rung["value"],
                parse(rung["when"], vocabulary),
                rung.get("title", {}).get("zh", ""),
                rung.get("title", {}).get("en", ""),
            )
            for rung in source.get("rungs", ())
        ),
        quintile=None
        if quintile is None
        else Quintile(
            parse(quintile["among"], vocabulary), _subject(quintile["by"], vocabulary), quintile["best"] == "low"
        ),
        title_zh=title.get("zh", ""),
        title_en=title.get("en", ""),
        builtin=True,
        order=tuple(source.get("order", ())),
    )


def _subject(text: str, vocabulary: Vocabulary) -> Subject:
    """A measure on its own: read as the left side of a comparison."""
    literal = "0s" if text.startswith("since_") else "0"
    compared = parse(f"{text} >= {literal}", vocabulary)
    assert isinstance(compared, Compare)
    return compared.subject


def begin(desk: Desk, draft: LabelDraft) -> LabelView:
    """Have a definition accepted; it comes into force once everyone is evaluated (`building` says how far that is).

    Raises ConditionError, ConflictError.
    """
    _accepted(desk, draft)
    return show(desk.renewed(), draft.name)


def define(desk: Desk, draft: LabelDraft, wait_s: float = DEFINE_WAIT_S_MAX) -> LabelView:
    """Define or change a label; returns it once it is in force, or as it is after so long.

    Where nobody else works it out, it is worked out here. Raises ConditionError, ConflictError.
    """
    version = _accepted(desk, draft)
    desk.epoch[BUILDER].wait(desk, draft.name, version, wait_s, desk.machine)
    return show(desk.renewed(), draft.name)


def _accepted(desk: Desk, draft: LabelDraft) -> int:
    verdict = desk.submit(DEFINE, msgspec.msgpack.encode(DefineRecord(draft)))
    desk.epoch[BUILDER].accepted(draft.name)
    return int(verdict["version"])


def await_building(desk: Desk, name: str, version: int, wait_s: float) -> Building | None:
    """How far a definition is (version 0: whichever waits), having waited for it, or worked at it, for a while.

    None: it is in force, or another has taken its place. Raises what keeps it from being worked out.
    """
    return desk.epoch[BUILDER].wait(desk, name, version, min(wait_s, BUILDING_WAIT_S_MAX), desk.machine)


def attended(desk: Desk) -> bool:
    """Whether definitions are worked out by themselves (in a service), and not only while they are waited for."""
    return desk.epoch[BUILDER].attended


def new_ones(desk: Desk) -> Iterator[LabelView]:
    """The labels that aren't in force yet in any version."""
    state = desk.epoch[AUDIENCE]
    return (show(desk, name) for name in state.waiting if name not in state.labels)


def judged_label(record: DefineRecord, state: AudienceState, vocabulary: Vocabulary) -> Label:
    """The label of a draft, fit to enter the plan; raises ConditionError or InvalidError with the place."""
    draft = record.draft
    if not LABEL_NAME.fullmatch(draft.name):
        raise InvalidError(
            "label.name", f"{draft.name!r} can't be the name of a label", where="name",
            remedy="use small letters, digits and _; the title may be in any language",
        )  # fmt: skip
    if not 0 < len(draft.rungs) <= RUNGS_COUNT_MAX:
        raise InvalidError(
            "label.rungs", f"a label has 1 to {RUNGS_COUNT_MAX} rungs", where=f"{draft.name}.rungs",
            remedy="give each value a condition; join the conditions of one value with or",
        )  # fmt: skip

    waiting = state.waiting.get(draft.name)
    old = waiting.label if waiting is not None else state.labels.get(draft.name)
    if old is not None and old.quintile is not None:
        raise ConflictError("label.quintile", f"{draft.name} is relative to the population", where=draft.name,
                            remedy="give the new label another name")  # fmt: skip
    before = old or Label(draft.name, draft.kind)
    label = Label(
        draft.name,
        draft.kind,
        tuple(_rung(rung, before, in_zone(vocabulary, draft.zone)) for rung in draft.rungs),
        None,
        _title(draft.title_zh, before.title_zh, draft.name),
        _title(draft.title_en, before.title_en, draft.name),
        draft.zone,
        version=(old.version if old else 0) + 1,
        order=tuple(value for value in before.order if any(rung.value == value for rung in draft.rungs)),
    )
    plan_of({**state.labels, label.name: label})  # refuses circles and what names a value that is gone
    return label


def in_zone(vocabulary: Vocabulary, zone: str) -> Vocabulary:
    """The vocabulary by which a definition's dates are read and told. Raises InvalidError for an unknown zone."""
    return replace(vocabulary, zone=calendar(zone).name) if zone else vocabulary


def _rung(draft: RungDraft, label: Label, vocabulary: Vocabulary) -> LabelRung:
    where = f"{label.name}.rungs"
    if draft.value in RESERVED_VALUES or len(draft.value) > VALUE_CHARS_MAX or not draft.value.isprintable():
        raise InvalidError(
            "label.value", f"{draft.value[:VALUE_CHARS_MAX]!r} can't be a value of a label", where=where,
            remedy=f"write up to {VALUE_CHARS_MAX} characters; {NONE} and {ABSENT} have a meaning already",
        )  # fmt: skip
    old = next((rung for rung in label.rungs if rung.value == draft.value), LabelRung(draft.value, Always()))
    try:
        test = parse(draft.condition, vocabulary)
    except ConditionError as error:
        error.where = f"{where}.{draft.value}: {error.where}"
        raise
    zh, en = _title(draft.title_zh, old.title_zh, where), _title(draft.title_en, old.title_en, where)
    return LabelRung(draft.value, test, zh, en)


def _title(new: str, old: str, where: str) -> str:
    if len(new) > NAME_CHARS_MAX or not new.isprintable():
        raise InvalidError(
            "label.title", f"{new[:NAME_CHARS_MAX]!r} can't be a title", where=where,
            remedy=f"write up to {NAME_CHARS_MAX} characters on one line",
        )  # fmt: skip
    return new or old


def show(desk: Desk, name: str) -> LabelView:
    """A definition as people read it: the one in force; of a new label, the one that waits. Raises NotFoundError."""
    state, vocabulary = desk.epoch[AUDIENCE], desk.epoch[VOCABULARY]
    waiting = state.waiting.get(name)
    label = waiting.label if waiting is not None and name not in state.labels else named(state, name)
    view = view_of(label, vocabulary, desk.settings.language)
    return view if waiting is None else replace(view, building=desk.epoch[BUILDER].building(desk.epoch, name))


def named(state: AudienceState, name: str) -> Label:
    """The label of that name. Raises NotFoundError with what comes close."""
    label = state.labels.get(name)
    if label is None and name in state.waiting:
        raise NotFoundError(
            "label.building", f"the label {name!r} isn't in force yet", where="label",
            remedy="ask again once everybody is evaluated; `yutang label list` says how far that is",
        )  # fmt: skip
    if label is None:
        near = difflib.get_close_matches(name, state.labels, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(state.feed_order())}"
        raise NotFoundError("label.absent", f"there is no label {name!r}", where="label", remedy=remedy)
    return label


def view_of(label: Label, vocabulary: Vocabulary, language: str) -> LabelView:
    """A definition with its conditions as text and sentences."""
    title = label.title_zh if language == "zh" else label.title_en
    vocabulary = in_zone(vocabulary, label.zone)
    rungs = tuple(
        RungView(
            rung.value,
            (rung.title_zh if language == "zh" else rung.title_en) or rung.value,
            to_text(rung.test, vocabulary),
            sentence(rung.test, vocabulary, language),
        )
        for rung in label.rungs
    )
    return LabelView(
        label.name, label.kind, title or label.name, label.version, label.builtin, vocabulary.zone, label.values,
        rungs, _measure(label.quintile, vocabulary) if label.quintile else "",
    )  # fmt: skip


def _measure(quintile: Quintile, vocabulary: Vocabulary) -> str:
    """What a quintile goes by, as text: the measure, and among whom."""
    measure = to_text(Unknown(quintile.by), vocabulary).removeprefix("unknown(").removesuffix(")")
    return f"{measure} among {to_text(quintile.among, vocabulary)}"
