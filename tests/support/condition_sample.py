"""A brand's vocabulary as the tests of conditions use it: all kinds, titles, marks, awkward names."""

from __future__ import annotations

from dataclasses import replace

from yutang.conditions.vocabulary import (
    STATE_EVENTS,
    EventType,
    Kind,
    LabelType,
    Mark,
    MarkRule,
    PropertyType,
    RecordType,
    RelationRule,
    TraitType,
    Vocabulary,
)


def _named(*things):
    return {thing.name: thing for thing in things}


EVENTS = _named(
    EventType(
        "order_paid",
        (
            PropertyType("amount", Kind.MONEY, "金额", "amount"),
            PropertyType("store", Kind.STRING, "门店", "store"),
            PropertyType("items", Kind.INTEGER, "件数", "items"),
            PropertyType("first_order", Kind.BOOLEAN, "首单", "first order"),
            PropertyType("categories", Kind.LIST, "品类", "categories"),
        ),
        (MarkRule(Mark.ORDER),),
        title_zh="支付订单",
        title_en="order paid",
    ),
    EventType("order_refunded", (PropertyType("amount", Kind.MONEY, "金额", "amount"),), title_zh="退款"),
    EventType(
        "product_viewed",
        (
            PropertyType("category", Kind.STRING, "品类", "category"),
            PropertyType("price", Kind.MONEY, "价格", "price"),
            PropertyType("seconds", Kind.NUMBER, "停留秒数", "seconds"),
        ),
        (MarkRule(Mark.VISIT), MarkRule(Mark.INTEREST, "category", ("lipstick",))),
        title_zh="浏览商品",
        title_en="product viewed",
    ),
    EventType(
        "class_booked",
        (
            PropertyType("starts", Kind.INSTANT, "开课时间", "start"),
            PropertyType("day", Kind.DATE, "上课日期", "day"),
            PropertyType("score", Kind.NUMBER),
            PropertyType("not", Kind.STRING),
            PropertyType("实付-金额", Kind.MONEY),
        ),
        (MarkRule(Mark.VISIT),),
        title_zh="预约课程",
    ),
    EventType("message_in", (PropertyType("text", Kind.STRING),), title_zh="客户来信", title_en="message in"),
    EventType("message_out", (PropertyType("text", Kind.STRING),), title_zh="客服回复", title_en="message out"),
    EventType("friend_added", (PropertyType("guide", Kind.STRING),), relation=RelationRule("friend", True, "guide")),
    EventType("group_joined", (PropertyType("group", Kind.STRING),), relation=RelationRule("group_member", True)),
    EventType("invited", (PropertyType("by", Kind.STRING),), relation=RelationRule("invited", True, "by")),
    EventType("where"),
    EventType("seen-elsewhere"),
    *STATE_EVENTS,
)

TRAITS = _named(
    TraitType("skin", Kind.STRING, title_zh="肤质", title_en="skin"),
    TraitType("city", Kind.STRING, title_zh="城市", title_en="city"),
    TraitType("birthday", Kind.DATE, title_zh="生日", title_en="birthday"),
    TraitType("due_date", Kind.DATE, title_zh="预产期"),
    TraitType("points", Kind.INTEGER, title_zh="积分"),
    TraitType("weight", Kind.NUMBER),
    TraitType("member", Kind.BOOLEAN, title_zh="会员"),
    TraitType("joined_at", Kind.INSTANT),
    TraitType("balance", Kind.MONEY, title_zh="余额"),
    TraitType("likes", Kind.LIST, title_zh="爱好"),
    TraitType("会员 等级", Kind.STRING),
)

RECORDS = _named(
    RecordType(
        "child",
        (
            PropertyType("birthday", Kind.DATE, "生日", "birthday"),
            PropertyType("name", Kind.STRING, "名字", "name"),
            PropertyType("height", Kind.NUMBER, "身高", "height"),
            PropertyType("allergies", Kind.LIST),
        ),
        "孩子",
        "child",
    ),
    RecordType("my-course", (PropertyType("paid", Kind.MONEY), PropertyType("done", Kind.BOOLEAN))),
)

LABELS = _named(
    LabelType("aipl", ("A", "I", "P", "L"), "AIPL", "AIPL", {"A": "认知", "I": "兴趣", "P": "购买", "L": "忠诚"}),
    LabelType("vip", ("in",), "贵宾"),
    LabelType("90后", ("in",)),
    LabelType("value", ("high", "middle", "low"), "价值分层", "value tier"),
)

SAMPLE = Vocabulary(1, "Asia/Shanghai", "CNY", EVENTS, TRAITS, RECORDS, LABELS)

# Midnight is skipped or doubled in some of these zones; the currencies have 0, 2 and 3 digits.
VOCABULARIES = (
    SAMPLE,
    replace(SAMPLE, zone="America/Sao_Paulo", currency="JPY"),
    replace(SAMPLE, zone="America/Havana", currency="KWD"),
    replace(SAMPLE, zone="Asia/Kathmandu", currency="USD"),
)
