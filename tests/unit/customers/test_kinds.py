"""The table of kinds in the documentation is the one that is shipped."""

from __future__ import annotations

from pathlib import Path

from yutang.domains.customers.contracts import LINKS_COUNT_MAX, Form, KindSpec
from yutang.domains.customers.rules.kinds import BUILTIN, OWN_KINDS_COUNT_MAX, SHARED_PEOPLE_COUNT_MAX
from yutang.kernel.limits import EVENT_IDENTITIES_COUNT_MAX, IDENTITY_VALUE_CHARS_MAX
from yutang.timeline.people import KINDS_COUNT_MAX

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "identities.md").read_text("utf-8")
FORMS = {Form.PLAIN: "as sent", Form.PHONE: "E.164", Form.EMAIL: "lower case"}


def _line(spec: KindSpec) -> list[str]:
    nature = "personal" if spec.personal else "weak" if spec.weak else "shared"
    return [f"`{spec.name}`", spec.title_zh, nature, "yes" if spec.unique else "no", str(spec.cap or ""),
            FORMS[spec.form]]  # fmt: skip


def test_every_kind_stands_there_strongest_first() -> None:
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if "| `" in line]
    told = [[*cells[:5], cells[6]] for cells in lines]
    assert told == [_line(spec) for spec in sorted(BUILTIN, key=lambda spec: spec.order)]
    scoped = [cells[5] != "none" for cells in lines]
    assert scoped == [spec.scoped for spec in sorted(BUILTIN, key=lambda spec: spec.order)]


def test_the_limits_are_the_ones_told() -> None:
    flat = " ".join(PAGE.split())
    assert f"more than {LINKS_COUNT_MAX:,} others" in flat
    assert f"at most {EVENT_IDENTITIES_COUNT_MAX} identities" in flat
    assert f"{IDENTITY_VALUE_CHARS_MAX} characters" in flat


def test_the_shipped_table_is_sound() -> None:
    orders = [spec.order for spec in BUILTIN]
    assert len(set(orders)) == len(orders)
    for spec in BUILTIN:
        assert not (spec.weak and (spec.unique or spec.cap or spec.personal))
        assert spec.cap == (SHARED_PEOPLE_COUNT_MAX if not spec.weak and not spec.personal else 0)
        assert spec.title_zh
        assert spec.title_en


def test_the_engine_can_tell_all_kinds_apart() -> None:
    assert len(BUILTIN) + OWN_KINDS_COUNT_MAX <= KINDS_COUNT_MAX
