"""The lines of customers under their paths."""

from __future__ import annotations

from yutang.domains.customers.commands.reading import find, kinds, reviews, show_customer, timeline
from yutang.domains.customers.commands.writing import (
    consent,
    declare_kind,
    identify,
    merge,
    record,
    set_traits,
    settle,
    tag,
    unmerge,
    untag,
)
from yutang.kernel.words import Line

LINES: tuple[Line, ...] = (
    Line("customer show", show_customer),
    Line("customer find", find),
    Line("customer timeline", timeline),
    Line("customer merge", merge),
    Line("customer unmerge", unmerge),
    Line("customer reviews", reviews),
    Line("customer settle", settle),
    Line("customer set", set_traits),
    Line("customer tag", tag),
    Line("customer untag", untag),
    Line("customer consent", consent),
    Line("customer record", record),
    Line("customer identify", identify),
    Line("customer kinds", kinds),
    Line("customer declare-kind", declare_kind),
)
