"""What both SQL engines say alike: many segments as one statement, each event type aggregated apart.

Aggregates over the same types share one pass over those types' rows; the passes are joined by customer, and every
condition becomes a truth over the joined aggregates. One pass over all rows with all aggregates was eight times slower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.peers.tests import Aggregate, AtLeast, Compare, Not, Test, Where, aggregates

Render = Callable[[Aggregate, str], str]  # an aggregate, of the rows that satisfy a predicate


def statement(tests: Sequence[Test], render: Render, settings: str = "") -> str:
    """One row: for each test, how many customers satisfy it and the sum of their numbers."""
    known = {one: place for place, one in enumerate(dict.fromkeys(a for test in tests for a in aggregates(test)))}
    groups: dict[tuple[str, tuple[int, ...]], list[Aggregate]] = {}
    for one in known:
        groups.setdefault((one.table, tuple(sorted(set(one.types)))), []).append(one)
    passes, joins = [], []
    for place, ((table, types), members) in enumerate(groups.items()):
        columns = ", ".join(f"{render(one, predicate(one))} AS a{known[one]}" for one in members)
        source = "by_type" if table == "events" else "st"
        passes.append(
            f"p{place} AS (SELECT customer, {columns} FROM {source} WHERE type IN ({_listed(types)}) GROUP BY customer)"
        )
        joins.append(f"LEFT JOIN p{place} ON p{place}.customer = c.customer")
    truths = ", ".join(f"{truth(test, known)} AS t{place}" for place, test in enumerate(tests))
    sums = ", ".join(
        f"sum(CASE WHEN t{place} THEN 1 ELSE 0 END), sum(CASE WHEN t{place} THEN customer ELSE 0 END)"
        for place in range(len(tests))
    )
    return (
        f"WITH {', '.join(passes)}, "
        f"truths AS (SELECT c.customer AS customer, {truths} FROM (SELECT DISTINCT customer FROM ev) c "
        f"{' '.join(joins)}) SELECT {sums} FROM truths{settings}"
    )


def predicate(one: Aggregate) -> str:
    """Which rows of the types count."""
    parts = [f"moment > {one.after}", f"moment <= {one.until}", *map(_where, one.where)]
    return " AND ".join(parts)


def _where(where: Where) -> str:
    if where.op == "in":
        return f"{where.column} IN ({_listed(where.values)})"
    return f"{where.column} {where.op} {where.values[0]}"


def truth(test: Test, known: dict[Aggregate, int]) -> str:
    """A test over the aggregates; what isn't known is false, and counts and sums of none are 0."""
    match test:
        case Compare(left, op, value, times):
            zero = left.kind in ("count", "sum", "distinct", "weeks", "funnel")
            some = f"coalesce(a{known[left]}, 0)" if zero else f"a{known[left]}"
            other = str(value) if times is None else f"{value} * coalesce(a{known[times]}, 0)"
            return f"coalesce({some} {op} {other}, false)"
        case Not(inner):
            return f"NOT {truth(inner, known)}"
        case AtLeast(count, tests):
            parts = [truth(one, known) for one in tests]
            if count == len(parts):
                return f"({' AND '.join(parts)})"
            if count == 1:
                return f"({' OR '.join(parts)})"
            return f"({' + '.join(f'CAST({part} AS INT)' for part in parts)} >= {count})"


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))
