"""Hypothesis strategies for well-typed condition trees over a vocabulary."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from tests.support.condition_sample import VOCABULARIES
from yutang.conditions import nodes as n
from yutang.conditions.limits import INTEGER_ABS_MAX, NUMBER_ABS_MAX, PERIODS_COUNT_MAX, SPAN_MS_MAX
from yutang.conditions.literals import midnight, number_text
from yutang.conditions.lookups import OWN_PROPERTIES, event_types, property_kinds
from yutang.conditions.sorts import FOLD_KINDS, LITERAL_OF, ONE_OF_SORTS, OPERATORS, Scope, Sort, sort_of
from yutang.conditions.vocabulary import Kind, Mark, Vocabulary
from yutang.kernel.instants import DAY_MS, INSTANT_MAX_MS, INSTANT_MIN_MS
from yutang.kernel.money import MINOR_MAX

DEPTH = 3

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.one_of(st.sampled_from(["sms", "promotion", "油皮", "肤质", "g-17", "in", '"', "a b"]), texts).filter(
    str.strip
)
spans = st.one_of(
    st.sampled_from([DAY_MS, 7 * DAY_MS, 30 * DAY_MS, 3_600_000, 90_061_001]), st.integers(1, SPAN_MS_MAX)
)
units = st.sampled_from(list(n.Unit))
days = st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(date.isoformat)


@st.composite
def chains(draw):
    unit = draw(units)
    return unit, draw(st.integers(1, PERIODS_COUNT_MAX[unit]))


class Trees:
    """Strategies over one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        midnights = st.dates(date(1970, 1, 2), date(2099, 12, 30)).map(lambda day: midnight(str(day), vocabulary.zone))
        self.instants = st.one_of(midnights, st.integers(INSTANT_MIN_MS, INSTANT_MAX_MS))
        numbers = st.decimals(-NUMBER_ABS_MAX, NUMBER_ABS_MAX, places=6).map(lambda d: number_text(f"{d:f}"))
        integers = st.integers(-INTEGER_ABS_MAX, INTEGER_ABS_MAX) | st.integers(0, 20)
        self.literals = {
            n.Text: texts.map(n.Text),
            n.Flag: st.booleans().map(n.Flag),
            n.Money: st.integers(-MINOR_MAX, MINOR_MAX).map(lambda minor: n.Money(minor, vocabulary.currency)),
            n.Instant: self.instants.map(n.Instant),
            n.Day: days.map(n.Day),
            n.Span: st.integers(-SPAN_MS_MAX, SPAN_MS_MAX).map(n.Span) | spans.map(n.Span),
        }
        self.numbers = {Sort.NUMBER: numbers.map(n.Number), Sort.INTEGER: integers.map(lambda i: n.Number(str(i)))}

    def value(self, sort):
        return self.numbers[sort] if LITERAL_OF[sort] is n.Number else self.literals[LITERAL_OF[sort]]

    def windows(self):
        edges = st.lists(self.instants, min_size=2, max_size=2, unique=True).map(sorted)
        return st.one_of(
            st.none(),
            spans.map(n.Rolling),
            edges.map(lambda pair: n.Fixed(*pair)),
            self.instants.map(lambda at: n.Fixed(start=at)),
            self.instants.map(lambda at: n.Fixed(end=at)),
            chains().map(lambda chain: n.Last(*chain)),
            units.map(n.This),
        )

    @st.composite
    @staticmethod
    def _asked(draw, self, subjects, scope):
        """A test of a subject: compared, one of, unknown."""
        subject = draw(subjects)
        sort = sort_of(subject, scope)
        if draw(st.integers(0, 9)) == 0:
            return n.Unknown(subject)
        if sort in ONE_OF_SORTS and draw(st.integers(0, 4)) == 0:
            return n.OneOf(subject, tuple(draw(st.lists(self.value(sort), min_size=1, max_size=4))))
        return n.Compare(subject, draw(st.sampled_from(sorted(OPERATORS[sort]))), draw(self.value(sort)))

    def event_sets(self, *, filtered=True):
        return _event_sets(self, filtered)

    def properties(self, events):
        """The names of properties that such a set can be asked for."""
        declared = {p.name for known in event_types(events, self.vocabulary) for p in known.properties}
        lenient = {"whatever", "任意"} if events.types else set()
        candidates = sorted(declared | lenient) + list(OWN_PROPERTIES)
        return [name for name in candidates if len(property_kinds(events, name, self.vocabulary)) == 1]

    def filters(self, events, depth=2):
        scope = Scope(self.vocabulary, events)
        leaf = self._asked(self, st.sampled_from(self.properties(events)).map(n.Property), scope)
        return _combined(leaf, depth, None)

    def subjects(self, record=""):
        owned = self._owned(record, None)
        dates = self._owned(record, Kind.DATE)
        own = [owned, st.builds(n.Age, dates, units), st.builds(n.Due, dates), st.builds(n.Anniversary, dates)]
        events = self.event_sets()
        measured = [
            st.builds(n.Count, events, self.windows()),
            _aggregates(self),
            st.just(n.Aggregate(n.Fold.SUM, n.Events(("order_paid",)), "amount", n.Rolling(DAY_MS), net=True)),
            st.builds(n.Since, events, st.booleans()),
            st.builds(lambda e, chain: n.Periods(e, *chain), events, chains()),
        ]
        return st.one_of(*own, *measured)

    def _owned(self, record, kind):
        found = [n.Trait(t.name) for t in self.vocabulary.traits.values() if kind in (None, t.kind)]
        if record:
            traits = self.vocabulary.records[record].traits
            found += [n.RecordTrait(t.name) for t in traits if kind in (None, t.kind)] * 3
        return st.sampled_from(found)

    def leaves(self, record=""):
        events, windows = self.event_sets(), self.windows()
        labels = st.sampled_from(
            [(known.name, v) for known in self.vocabulary.labels.values() for v in ("", *known.values)]
        )
        maybe = st.none() | spans
        return st.one_of(
            self._asked(self, self.subjects(record), Scope(self.vocabulary, record=record)),
            st.builds(n.Happened, events, windows),
            st.builds(n.Never, events, windows),
            st.builds(lambda e, chain: n.EachPeriod(e, *chain), events, chains()),
            _sequences(self),
            st.builds(n.Returned, events, spans, windows),
            st.builds(n.NotFollowed, events, events, spans, windows),
            st.builds(lambda lv, held, at: n.InLabel(*lv, held, at), labels, maybe, st.none() | self.instants),
            st.builds(lambda lv, ms, left: n.Moved(*lv, ms, left), labels, spans, st.booleans()),
            st.builds(n.HasTag, names, st.just("") | names),
            st.builds(n.Consent, names, names),
            st.builds(n.Reachable, names),
            st.builds(n.Related, st.sampled_from(["friend", "group_member", "invited"]), st.just("") | names),
            st.builds(n.Share, names, st.integers(1, 10_000)),
            st.just(n.Always()),
        )

    def tests(self, depth=DEPTH, record=""):
        leaf = self.leaves(record) if record else st.one_of(self.leaves(), self.leaves(), _recorded(self, depth))
        return _combined(leaf, depth, _held)


def _combined(leaf, depth, extra):
    """Tests over leaves; extra: a function from tests to more tests, or nothing."""
    if depth <= 0:
        return leaf
    inner = st.deferred(lambda: _combined(leaf, depth - 1, extra))
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    made = [leaf, leaf, inner.map(n.Not), several.map(n.All), several.map(n.Any)]
    return st.one_of(*made, *(extra(inner) if callable(extra) else []))


def _held(inner):
    several = st.lists(inner, min_size=1, max_size=3).map(tuple)
    chosen = several.flatmap(lambda tests: st.integers(1, len(tests)).map(lambda k: n.AtLeast(k, tests)))
    return [st.builds(n.Hold, inner, spans), chosen]


@st.composite
def _event_sets(draw, trees, filtered):
    kinds = [
        st.lists(st.sampled_from(sorted(trees.vocabulary.events)), min_size=1, max_size=3, unique=True).map(
            lambda types: n.Events(tuple(types))
        ),
        st.sampled_from(list(Mark)).map(lambda mark: n.Events(mark=mark.value)),
        st.just(n.Events()),
    ]
    events = draw(st.one_of(kinds[0], *kinds))
    if filtered and trees.properties(events) and draw(st.booleans()):
        return n.Events(events.types, events.mark, draw(trees.filters(events)))
    return events


@st.composite
def _aggregates(draw, trees):
    events = draw(_event_sets(trees, True))
    name = draw(st.sampled_from(trees.properties(events)))
    (kind,) = property_kinds(events, name, trees.vocabulary)
    fold = draw(st.sampled_from([fold for fold in n.Fold if kind in FOLD_KINDS[fold]]))
    return n.Aggregate(fold, events, name, draw(trees.windows()))


@st.composite
def _sequences(draw, trees):
    events = trees.event_sets()
    steps = [n.Step(draw(events))]
    for _ in range(draw(st.integers(1, 3))):
        steps.append(n.Step(draw(events), draw(st.none() | spans), draw(st.none() | events)))
    return n.Sequence(tuple(steps), draw(st.none() | spans), draw(trees.windows()))


@st.composite
def _recorded(draw, trees, depth):
    kind = draw(st.sampled_from(sorted(trees.vocabulary.records)))
    test = trees.tests(min(depth, 2) - 1, kind)
    which = draw(st.integers(0, 2))
    if which == 0:
        return n.AnyRecord(kind, draw(st.none() | test))
    if which == 1:
        return n.AllRecords(kind, draw(test))
    counted = n.RecordCount(kind, draw(st.none() | test))
    return n.Compare(counted, draw(st.sampled_from(sorted(OPERATORS[Sort.INTEGER]))), draw(trees.value(Sort.INTEGER)))


# (vocabulary, a tree that fits it)
_TREES = [(vocabulary, Trees(vocabulary).tests()) for vocabulary in VOCABULARIES]
placed_trees = st.sampled_from(_TREES).flatmap(lambda pair: st.tuples(st.just(pair[0]), pair[1]))
sample_trees = _TREES[0][1]
