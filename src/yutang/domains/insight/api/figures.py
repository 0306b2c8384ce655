"""Figures: the report of a pool at an instant, and SQL for analysts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isfinite

from yutang.conditions.nodes import Always
from yutang.conditions.vocabulary import Kind, Vocabulary
from yutang.domains.audience.api import questions
from yutang.domains.audience.api.evaluating import AUDIENCE
from yutang.domains.audience.contracts import ABSENT, NONE, Label, LabelKind
from yutang.domains.customers import api as customers
from yutang.domains.insight.api.courses import EVERYBODY
from yutang.domains.insight.api.flow import flow
from yutang.domains.insight.contracts.asking import Scope
from yutang.domains.insight.contracts.figures import Amount, Report, ReportQuestion, SqlAnswer, SqlQuestion
from yutang.domains.insight.contracts.flow import FlowQuestion
from yutang.kernel.errors import InvalidError
from yutang.kernel.instants import instant_text
from yutang.runtime.desk import Desk
from yutang.runtime.slots import PEOPLE, TIMELINE, VOCABULARY
from yutang.timeline.steps import UNKNOWN
from yutang.timeline.tracks import TimelineState, Track

SQL_ROWS_COUNT_MAX = 100_000


def report(desk: Desk, question: ReportQuestion) -> Report:
    """The pool at an instant, history as known now. Raises InvalidError for a malformed or later `since`."""
    epoch, vocabulary = desk.epoch, desk.epoch[VOCABULARY]
    instant = questions.instant_asked(desk, question.as_of)
    since = questions.checked_instant(question.since, "since") if question.since else None
    if since is not None and since > instant:
        raise InvalidError("report.since_later", "since lies after as-of", where="since", remedy="swap them")
    found = questions.census(epoch, instant)
    labels = epoch[AUDIENCE].labels
    by_kind: dict[LabelKind, dict[str, Mapping[str, int]]] = {kind: {} for kind in LabelKind}
    rfm_taken_at = ""
    for name, label in labels.items():
        by_kind[label.kind][name] = _without_empty_rest(label, found.counts[name])
        if label.quintile is not None:
            rfm_taken_at = instant_text(questions.taken_at(epoch, instant))
    return Report(
        instant_text(instant),
        "" if since is None else instant_text(since),
        vocabulary.currency,
        vocabulary.zone,
        found.population,
        _events_by_type(epoch[TIMELINE], instant),
        _revenue(epoch[TIMELINE], vocabulary.currency, instant),
        by_kind[LabelKind.STAGE],
        by_kind[LabelKind.TIER],
        by_kind[LabelKind.TAG] | by_kind[LabelKind.SEGMENT],
        rfm_taken_at,
        {} if since is None else _flow(desk, since, instant),
        _titles(labels.values(), vocabulary, desk.settings.language),
    )


def _flow(desk: Desk, since: int, instant: int) -> dict[str, dict[str, int]]:
    """Who moved from where to where in AIPL, pairs that nobody went among them."""
    question = FlowQuestion("aipl", scope=Scope(since=instant_text(since), as_of=instant_text(instant)))
    answer = flow(desk, question)
    values, matrix = (*desk.epoch[AUDIENCE].labels["aipl"].values, NONE), answer.flows[EVERYBODY].matrix
    return {start: {end: matrix.get(start, {}).get(end, 0) for end in values} for start in (*values, ABSENT)}


def _titles(labels: Collection[Label], vocabulary: Vocabulary, language: str) -> dict[str, str]:
    """What names mean, in a language; names without a title are left out."""
    found = {label.name: (label.title_zh, label.title_en) for label in labels}
    found |= {f"{label.name}.{rung.value}": (rung.title_zh, rung.title_en) for label in labels for rung in label.rungs}
    found |= {one.name: (one.title_zh, one.title_en) for one in vocabulary.events.values()}
    place = 0 if language == "zh" else 1
    return {name: titles[place] for name, titles in found.items() if titles[place]}


def _without_empty_rest(label: Label, counts: Mapping[str, int]) -> Mapping[str, int]:
    """A ladder that ends in `everyone` leaves no rest to name."""
    total = bool(label.rungs) and isinstance(label.rungs[-1].test, Always)
    return {value: count for value, count in counts.items() if not (total and value == NONE)}


def _events_by_type(state: TimelineState, instant: int) -> dict[str, int]:
    """Counted run by run: no order is needed, so nothing is merged."""
    counts = {
        name: sum(int((run.at <= instant).sum()) for run in track.runs)
        for name, track in sorted(state.tracks.items())
        if not track.system
    }
    return {name: count for name, count in counts.items() if count}


def _revenue(state: TimelineState, currency: str, instant: int) -> Amount:
    """The gross sum of order_paid.amount, exactly: high and low halves apart, so that nothing overflows."""
    minor = 0
    for run in state.tracks.get("order_paid", Track()).runs:
        amounts = run.column("amount", Kind.MONEY, currency).values[run.at <= instant]
        amounts = amounts[amounts != UNKNOWN]
        minor += (int((amounts >> 32).sum()) << 32) + int((amounts & 0xFFFF_FFFF).sum())
    return Amount(minor, currency)


def run_sql(desk: Desk, question: SqlQuestion) -> SqlAnswer:
    """Read-only SQL over the pinned epoch. Raises InvalidError with the engine's message."""
    from yutang.timeline.query import run_sql as run

    epoch = desk.epoch
    table = run(
        question.text,
        epoch[TIMELINE],
        epoch[PEOPLE],
        epoch[VOCABULARY],
        customers.customer_ids(epoch, epoch[PEOPLE].heads()),
    )
    limit = max(1, min(question.rows_max, SQL_ROWS_COUNT_MAX))
    columns = [[_plain(value) for value in column.to_pylist()] for column in table.slice(0, limit).columns]
    return SqlAnswer(tuple(table.column_names), tuple(zip(*columns, strict=True)), table.num_rows > limit)


def _plain(value: object) -> object:
    """What JSON can carry: everything else, and what no number is, as text."""
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    return value if isinstance(value, (str, int, type(None))) else str(value)
