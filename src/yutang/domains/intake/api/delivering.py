"""What becomes of one delivery of a webhook: judged by the hook's mapping and a basis, wherever that is asked.

The door asks when it comes, a replay when its mapping was mended, `yutang hook try` before anything comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources

from yutang.domains.catalogue import api as catalogue
from yutang.domains.intake.api.checking import make_checker
from yutang.domains.intake.contracts import IntakeBasis, Problem
from yutang.domains.intake.rules.checker import Checker
from yutang.domains.intake.rules.payloads import (
    ROWS_COUNT_MAX,
    Judged,
    PayloadMapping,
    PayloadPlan,
    judge_payload,
    plan_payloads,
)
from yutang.domains.intake.rules.rows import RowMaker
from yutang.kernel.errors import InvalidError

PLANS_CACHED_MAX = 256
EXAMPLES = ("shopify", "woocommerce", "youzan")


@lru_cache(PLANS_CACHED_MAX)
def read_plan(mapping: str, zone: str, currency: str, origin: str) -> PayloadPlan:
    """A mapping's text, read and resolved. zone, currency: the pool's. Raises InvalidError with line or path."""
    return plan_payloads(catalogue.read_document(mapping, PayloadMapping, origin), zone, currency)


def judge_mapping(basis: IntakeBasis, mapping: str, now_ms: int) -> PayloadPlan:
    """A mapping that can be used with a basis. Raises InvalidError for what no payload could mend."""
    plan = read_plan(mapping, basis.zone, basis.currency, "mapping")
    RowMaker(plan.specs, _checker(basis, now_ms))
    return plan


def _checker(basis: IntakeBasis, now_ms: int) -> Checker:
    return make_checker(basis.catalogue, basis.kinds, country=basis.country, strict=basis.strict, now_ms=now_ms)


def judge_delivery(
    basis: IntakeBasis, mapping: str, headers: Mapping[str, str], body: bytes, arrived_at: int,
    rows_max: int = ROWS_COUNT_MAX,
) -> Judged:  # fmt: skip
    """The events of a body and what is wrong with it; never raises. arrived_at: pool time. rows_max: in one body."""
    try:
        plan = read_plan(mapping, basis.zone, basis.currency, "mapping")
        checker = _checker(basis, arrived_at)
    except InvalidError as error:  # the pool's zone or currency has changed since the hook was set
        return Judged(problems=[Problem(0, error.code, error.where, error.message, error.remedy)])
    return judge_payload(plan, checker, headers, body, arrived_at, rows_max)


def summary(judged: Judged) -> tuple[str, str]:
    """The code and message under which a body is kept: its first problem, how many there are, what was taken."""
    first = judged.problems[0]
    more = f" (and {len(judged.problems) - 1} more)" if len(judged.problems) > 1 else ""
    taken = f"; {len(judged.events)} events of it were taken" if judged.events else ""
    place = f"{first.path}: " if first.path else ""
    return first.code, f"{place}{first.message}{more}{taken}"


def example_mapping(name: str) -> str:
    """A mapping that comes with the product. Raises InvalidError."""
    if name not in EXAMPLES:
        raise InvalidError("hook.no_example", f"there is no example {name!r}", remedy=f"there is {', '.join(EXAMPLES)}")
    folder = resources.files(__package__.rpartition(".")[0])
    return folder.joinpath(f"webhook_{name}.yaml").read_text("utf-8")
