"""A mapping is judged before any row is read; what is wrong is named by its path, with the likely name."""

from __future__ import annotations

import pytest
from tests.support.intake_world import checker

from yutang.domains.intake.api.mappings import read_mapping
from yutang.domains.intake.rules.cells import ColumnType
from yutang.domains.intake.rules.mapping import Shape, resolve
from yutang.domains.intake.rules.rows import RowMaker
from yutang.kernel.errors import InvalidError

SHAPE = Shape(
    {
        "order_no": ColumnType.TEXT,
        "when": ColumnType.NAIVE,
        "member": ColumnType.TEXT,
        "amount": ColumnType.NUMBER,
        "blob": ColumnType.OTHER,
        "products.brand": ColumnType.TEXT,
    }
)
HEAD = "feed: shop\nidentities: {member_no: member}\n"
EVENT = HEAD + "events:\n  - type: order_paid\n    at: when\n"


def refusal(text: str) -> InvalidError:
    with pytest.raises(InvalidError) as caught:
        RowMaker(resolve(read_mapping(text, "m.yaml"), SHAPE, "UTC", "USD"), checker(strict=True))
    return caught.value


@pytest.mark.parametrize(
    ("text", "code", "where", "remedy"),
    [
        (EVENT + "    property: {}\n", "document.unknown_key", "m.yaml:6 events[0]", "did you mean properties?"),
        (EVENT + "    id: [a]\n", "document.type", "m.yaml:6 events[0].id", ""),
        (HEAD + "events: [{type: order_paid}]", "document.missing_key", "m.yaml:3 events[0]", "add at: …"),
        (EVENT + "    properties: {amount: amuont}\n", "mapping.unknown_column", "events[0].properties.amount",
         "did you mean amount?"),
        (EVENT + "    properties: {amount: {column: amount, value: 3}}\n", "mapping.cell",
         "events[0].properties.amount", "write COLUMN, {value: …} or {sum: COLUMN}"),
        (EVENT + "    properties: {amount: {sum: amount}}\n", "mapping.not_grouped", "events[0].properties.amount",
         "add one_per: COLUMN, whose rows make one event"),
        (EVENT + "    properties: {own: blob}\n", "mapping.column_type", "events[0].properties.own",
         "flatten it in the file"),
        (EVENT + "    properties: {store: {column: order_no, decimals: 99}}\n", "mapping.decimals",
         "events[0].properties.store", "mend the number"),
        (EVENT + "    properties: {store: {column: order_no, format: soon}}\n", "mapping.format",
         "events[0].properties.store", "write it like %Y/%m/%d %H:%M, or epoch_s, or epoch_ms"),
        (EVENT + "    properties: {amount: {value: abc}}\n", "money.malformed", "events[0].properties.amount",
         "write a number such as 12.30"),
        (EVENT + "    properties: {amuont: amount}\n", "event.unknown_property", "events[0].properties.amuont",
         "did you mean amount?"),
        (EVENT + "    one_per: order_no\n    properties: {store: {sum: amount}}\n", "mapping.sum",
         "events[0].properties.store", "use column, or count"),
        (EVENT + "    one_per: nothing\n", "mapping.unknown_column", "events[0].one_per", "there is order_no"),
        (EVENT + "    id: constant\n", "mapping.id", "events[0].id", 'write "order-{order_no}"'),
        (EVENT + "    when: {amount: {filled: true, equals: a}}\n", "mapping.when", "events[0].when.amount", ""),
        ("feed: shop\nevents: [{type: order_paid, at: when}]", "mapping.no_identities", "events[0].identities", ""),
        ("feed: ''\n" + EVENT.partition("\n")[2], "name.length", "feed", ""),
        ("zone: Asia/Shangai\n" + EVENT, "mapping.zone", "zone", "did you mean Asia/Shanghai?"),
        ("currency: CNY\n" + EVENT, "mapping.currency", "currency", "convert them to USD"),
        (HEAD, "mapping.empty", "", "add `events`, `traits` or `records`"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(text: str, code: str, where: str, remedy: str) -> None:
    error = refusal(text)
    assert (error.code, error.where) == (code, where)
    assert error.remedy.startswith(remedy)


def test_a_template_is_parted_into_texts_and_columns() -> None:
    mapping = read_mapping(EVENT + '    id: "o-{order_no}/{member}"\n', "m.yaml")
    (spec,) = resolve(mapping, SHAPE, "UTC", "USD")
    assert [part if isinstance(part, str) else f"<{part.column}>" for part in spec.id] == [
        "o-", "<order_no>", "/", "<member>",
    ]  # fmt: skip


def test_in_json_any_column_may_occur() -> None:
    mapping = read_mapping(EVENT + "    properties: {own: some.nested.key}\n", "m.yaml")
    (spec,) = resolve(mapping, Shape({}, open=True), "UTC", "USD")
    assert spec.properties[0][1].reading.column_type is ColumnType.MIXED
