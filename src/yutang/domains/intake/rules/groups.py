"""Rows that share a key make one event: who leads a group, and its exact sums.

A scan goes over the whole file once, ahead of the events; then each group is emitted with the part in
which its first row lies. Amounts are summed as integers (minor units, millionths), so a sum is exact and
doesn't depend on the order of rows. A row whose amount can't be read spoils its group: the event is
refused with that row's reason, not made with a wrong total.
Invariant: memory grows with the groups, not with the rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from yutang.conditions.vocabulary import NUMBER_SCALE, Kind
from yutang.kernel.errors import InvalidError, LimitError
from yutang.kernel.money import currency_digits

if TYPE_CHECKING:
    import polars

GROUPS_COUNT_MAX = 20_000_000
REASONS_COUNT_MAX = 10_000
_SUM_BOUND = 2**62


@dataclass(frozen=True, slots=True)
class Summed:
    """A property that is a sum. units: of the kind's integer in one of what people write."""

    name: str
    kind: Kind
    currency: str

    def units(self, value: object) -> int:
        """A converted value as the integer that is summed."""
        if isinstance(value, float):
            return round(Decimal(repr(value)) * NUMBER_SCALE)
        assert isinstance(value, int)
        return value if self.kind in (Kind.MONEY, Kind.INTEGER) else value * NUMBER_SCALE

    def total(self, units: int) -> object:
        """A sum as a cell that reads like the file's: Decimal, or int."""
        if self.kind is Kind.MONEY:
            return Decimal(units).scaleb(-currency_digits(self.currency))
        return units if self.kind is Kind.INTEGER else Decimal(units) / NUMBER_SCALE


@dataclass(slots=True)
class Groups:
    """The groups of one spec, by their first rows (ascending)."""

    first_rows: Sequence[int] = ()
    counts: Sequence[int] = ()
    sums: Mapping[str, Sequence[int | None]] = field(default_factory=dict)
    spoilt: Sequence[int | None] = ()  # the first row of the group whose amount can't be read
    reasons: Mapping[int, str] = field(default_factory=dict)

    def between(self, start: int, stop: int) -> range:
        """The groups whose first row lies in [start, stop)."""
        return range(bisect_left(self.first_rows, start), bisect_left(self.first_rows, stop))


class GroupScan:
    """Collects groups part by part; `finish` merges them."""

    def __init__(self, summed: Sequence[Summed]) -> None:
        self._summed = summed
        self._parts: list[polars.DataFrame] = []
        self._reasons: dict[int, str] = {}

    def add(
        self, rows: Sequence[int], keys: Sequence[str], columns: Mapping[str, Sequence[int | InvalidError | None]]
    ) -> None:
        """The next rows, their keys, and for each summed property its units (None: empty; an error: unreadable)."""
        import polars  # heavy: only where rows are grouped

        data: dict[str, Any] = {
            "key": polars.Series(keys, dtype=polars.String),
            "row": polars.Series(rows, dtype=polars.Int64),
        }
        spoilt: list[int | None] | None = None
        for name, units in columns.items():
            if any(isinstance(u, InvalidError) for u in units):
                spoilt = spoilt or [None] * len(rows)
                for i, unit in enumerate(units):
                    if isinstance(unit, InvalidError):
                        spoilt[i] = rows[i]
                        if len(self._reasons) < REASONS_COUNT_MAX:
                            self._reasons.setdefault(rows[i], f"{unit.message} ({name})")
            data[f"sum.{name}"] = polars.Series(
                [None if isinstance(u, InvalidError) else u for u in units], dtype=polars.Int64
            )
        data["spoilt"] = polars.Series(spoilt or [None] * len(rows), dtype=polars.Int64)
        data["count"] = polars.Series([1] * len(rows), dtype=polars.Int64)
        self._parts.append(self._folded(polars.DataFrame(data)))

    def _folded(self, frame: polars.DataFrame) -> polars.DataFrame:
        import polars  # heavy: only where rows are grouped

        sums = [polars.col(f"sum.{s.name}") for s in self._summed]
        return frame.group_by("key").agg(
            polars.col("row").min(),
            polars.col("count").sum(),
            polars.col("spoilt").min(),
            # A sum of nothing is nothing; one beyond int64 shows in the sum of its floats.
            *(polars.when(c.is_not_null().any()).then(c.sum()).alias(c.meta.output_name()) for c in sums),
            *(c.cast(polars.Float64).sum().abs().alias(f"about.{c.meta.output_name()}") for c in sums),
        )

    def finish(self) -> Groups:
        """The groups of everything added. Raises LimitError, InvalidError."""
        import polars  # heavy: only where rows are grouped

        if not self._parts:
            return Groups()
        merged = self._folded(polars.concat(self._parts)).sort("row")
        self._parts = []
        if merged.height > GROUPS_COUNT_MAX:
            raise LimitError(
                "import.too_many_groups", f"`one_per` makes {merged.height} groups, {GROUPS_COUNT_MAX} is the most",
                remedy="split the file",
            )  # fmt: skip
        for s in self._summed:
            largest = merged[f"about.sum.{s.name}"].max()
            if isinstance(largest, float) and largest > _SUM_BOUND:
                raise InvalidError(
                    "import.sum_too_large", f"a sum of {s.name} is beyond what can be counted", where=s.name,
                    remedy="check the unit of the column",
                )  # fmt: skip
        return Groups(
            merged["row"].to_list(),
            merged["count"].to_list(),
            {s.name: merged[f"sum.{s.name}"].to_list() for s in self._summed},
            merged["spoilt"].to_list(),
            self._reasons,
        )


def key_text(parts: Iterable[str]) -> str:
    """Several key columns as one text, told apart."""
    return "\x1f".join(parts)
