"""Chinese: 近 30 天浏览商品（品类为“lipstick”）至少 3 次，且近 90 天没有支付订单."""

from __future__ import annotations

from collections.abc import Sequence

from yutang.conditions.nodes import Fixed, Flag, Fold, Last, Money, Op, Rolling, Span, Text, This, Unit, Value, Window
from yutang.conditions.sorts import Sort
from yutang.conditions.speech import Speech, Titled, known_mark, local_text, plain_value, span_parts
from yutang.conditions.vocabulary import LabelType, Mark

_SPAN_UNITS = {"day": "天", "hour": "小时", "minute": "分钟", "second": "秒", "millisecond": "毫秒"}
_UNITS = {Unit.DAY: "天", Unit.WEEK: "周", Unit.MONTH: "月", Unit.YEAR: "年"}
_PERIODS = {Unit.DAY: "个整天", Unit.WEEK: "个完整自然周", Unit.MONTH: "个完整自然月", Unit.YEAR: "个完整自然年"}
_AGES = {Unit.DAY: "天数", Unit.WEEK: "周数", Unit.MONTH: "月数", Unit.YEAR: "年数"}
_THIS = {Unit.DAY: "今天", Unit.WEEK: "本周", Unit.MONTH: "本月", Unit.YEAR: "今年"}
_MARKS = {
    Mark.VISIT: "到访类行为", Mark.ORDER: "下单类行为", Mark.AWARENESS: "认知类行为", Mark.INTEREST: "兴趣类行为",
}  # fmt: skip
_FOLDS = {Fold.SUM: "合计", Fold.AVG: "平均值", Fold.MIN: "最小值", Fold.MAX: "最大值", Fold.DISTINCT: "去重个数"}
_TIMES = {
    Op.EQ: "恰好 {} 次", Op.NE: "不是 {} 次", Op.LT: "少于 {} 次", Op.LE: "至多 {} 次", Op.GT: "超过 {} 次",
    Op.GE: "至少 {} 次",
}  # fmt: skip
_OF_QUANTITY = {
    Op.EQ: "等于 {}", Op.NE: "不等于 {}", Op.LT: "低于 {}", Op.LE: "不超过 {}", Op.GT: "超过 {}", Op.GE: "不低于 {}",
}  # fmt: skip
_OF_COUNT = {
    Op.EQ: "等于 {}", Op.NE: "不等于 {}", Op.LT: "少于 {}", Op.LE: "至多 {}", Op.GT: "超过 {}", Op.GE: "至少 {}",
}  # fmt: skip
_OF_SPAN = {
    Op.EQ: "正好 {}", Op.NE: "不是 {}", Op.LT: "不足 {}", Op.LE: "不超过 {}", Op.GT: "超过 {}", Op.GE: "不少于 {}",
}  # fmt: skip
_OF_TIME = {
    Op.EQ: "为 {}", Op.NE: "不为 {}", Op.LT: "早于 {}", Op.LE: "不晚于 {}", Op.GT: "晚于 {}", Op.GE: "不早于 {}",
}  # fmt: skip
_OF_TEXT = {Op.EQ: "为{}", Op.NE: "不为{}", Op.CONTAINS: "包含{}", Op.STARTS: "以{}开头", Op.ENDS: "以{}结尾"}
_OPERATORS = {
    Sort.TEXT: _OF_TEXT, Sort.LIST: _OF_TEXT, Sort.FLAG: _OF_TEXT, Sort.NUMBER: _OF_QUANTITY,
    Sort.INTEGER: _OF_COUNT, Sort.MONEY: _OF_QUANTITY, Sort.DAY: _OF_TIME, Sort.INSTANT: _OF_TIME,
    Sort.SPAN: _OF_SPAN, Sort.DAYS: _OF_SPAN,
}  # fmt: skip


class Chinese(Speech):
    """Mandarin, simplified; names without a title stand in 「」, literals in “”."""

    # ── names and literals ──────────────────────────────────────────────────────────────────────

    def title(self, name: str, titled: Titled | None) -> str:
        return titled.title_zh if titled is not None and titled.title_zh else f"「{name}」"

    def label_value(self, value: str, label: LabelType | None) -> str:
        return (label.value_titles_zh.get(value) if label is not None else None) or value

    def value(self, value: Value, zone: str) -> str:
        match value:
            case Text():
                return f"“{value.value}”"
            case Flag():
                return "“是”" if value.value else "“否”"
            case Span():
                return self.span(value.ms)
            case Money():
                return f"{plain_value(value, zone)} {'元' if value.currency == 'CNY' else value.currency}"
            case _:
                return plain_value(value, zone)

    def span(self, span_ms: int) -> str:
        text = " ".join(f"{count} {_SPAN_UNITS[unit]}" for count, unit in span_parts(span_ms))
        return f"−{text}" if span_ms < 0 else text

    def instant(self, instant: int, zone: str) -> str:
        return local_text(instant, zone)

    def _window(self, window: Window | None, zone: str, *, always: str = "累计") -> str:
        match window:
            case None:
                return always
            case Rolling():
                return f"近 {self.span(window.ms)}"
            case Last():
                return f"最近 {window.count} {_PERIODS[window.unit]}"
            case This():
                return _THIS[window.unit]
            case Fixed(start=None, end=int(end)):
                return f"在 {local_text(end, zone)} 之前"
            case Fixed(start=int(start), end=None):
                return f"自 {local_text(start, zone)} 起"
            case Fixed(start=int(start), end=int(end)):
                return f"在 {local_text(start, zone)} 至 {local_text(end, zone)}（不含）期间"
            case _:
                return always

    # ── event sets ──────────────────────────────────────────────────────────────────────────────

    def types(self, titles: Sequence[str]) -> str:
        return "或".join(titles)

    def marked(self, mark: str) -> str:
        known = known_mark(mark)
        return _MARKS[known] if known else f"「{mark}」类行为"

    def every_event(self) -> str:
        return "任意行为"

    def filtered(self, events: str, test: str) -> str:
        return f"{events}（{test}）"

    # ── what is looked at ───────────────────────────────────────────────────────────────────────

    def record_trait(self, title: str) -> str:
        return f"其{title}"

    def count(self, events: str, window: Window | None, zone: str) -> str:
        return f"{self._window(window, zone)}{events}的次数"

    def aggregate(self, fold: Fold, of: str, events: str, window: Window | None, zone: str) -> str:
        if fold in _FOLDS:
            return f"{self._window(window, zone)}{events}的{of}{_FOLDS[fold]}"
        which = "首次" if fold is Fold.FIRST else "最近一次"
        return f"{self._window(window, zone, always='')}{which}{events}的{of}"

    def net(self, of: str, events: str, window: Window | None, zone: str) -> str:
        return f"{self._window(window, zone)}{events}的{of}净合计（扣除退款）"

    def since(self, events: str, *, first: bool) -> str:
        return f"距{'首次' if first else '最近一次'}{events}"

    def periods(self, events: str, unit: Unit, count: int) -> str:
        return f"最近 {count} {_PERIODS[unit]}中有{events}的{_UNITS[unit]}数"

    def age(self, of: str, unit: Unit) -> str:
        return f"{of}至今的整{_AGES[unit]}"

    def due(self, of: str) -> str:
        return f"距{of}"

    def anniversary(self, of: str) -> str:
        return f"距下一个{of}纪念日"

    def record_count(self, kind: str, test: str) -> str:
        return f"符合条件（{test}）的{kind}数" if test else f"{kind}数"

    # ── tests ───────────────────────────────────────────────────────────────────────────────────

    def compared(self, subject: str, op: Op, value: str, sort: Sort) -> str:
        return subject + _OPERATORS[sort].get(op, f"{op.value} {{}}").replace("{}", value)

    def counted(self, events: str, window: Window | None, zone: str, op: Op, times: str) -> str:
        return self._window(window, zone) + events + _TIMES.get(op, f"{op.value} {{}} 次").replace("{}", times)

    def one_of(self, subject: str, values: Sequence[str], *, negated: bool) -> str:
        return f"{subject}{'不是' if negated else '为'}{'、'.join(values)}{'' if len(values) == 1 else '之一'}"

    def unknown(self, subject: str, *, negated: bool) -> str:
        return f"{subject}{'已知' if negated else '未知'}"

    def happened(self, events: str, window: Window | None, zone: str) -> str:
        return f"{self._window(window, zone, always='曾')}有过{events}"

    def never(self, events: str, window: Window | None, zone: str) -> str:
        return f"从未有过{events}" if window is None else f"{self._window(window, zone)}没有{events}"

    def each(self, events: str, unit: Unit, count: int) -> str:
        return f"最近 {count} {_PERIODS[unit]}每{_UNITS[unit]}都有{events}"

    def step(self, events: str, within: str, without: str) -> str:
        notes = [f"上一步之后 {within}内"] if within else []
        notes += [f"与上一步之间没有{without}"] if without else []
        return f"{events}（{'，'.join(notes)}）" if notes else events

    def sequence(self, steps: Sequence[str], total: str, window: Window | None, zone: str) -> str:
        whole = f"（全程 {total}内）" if total else ""
        return f"{self._window(window, zone, always='曾')}先后发生：{'，然后'.join(steps)}{whole}"

    def returned(self, events: str, gap: str, window: Window | None, zone: str) -> str:
        return f"{self._window(window, zone, always='曾')}在间隔至少 {gap}后再次有{events}"

    def not_followed(self, events: str, by: str, within: str, window: Window | None, zone: str) -> str:
        return f"{self._window(window, zone, always='曾')}有过{events}，其后 {within}内没有{by}"

    def in_label(self, label: str, value: str, held: str, at: str, *, single: bool, negated: bool) -> str:
        when = f"在 {at} 时" if at else ""
        which = _quoted(label) if single else f"{_quoted(label)}的{f'“{value}”' if value else '任一层级'}"
        since = f"已满 {held}" if held else ""
        return f"{when}{'不' if negated else ''}属于{which}{since}"

    def moved(self, label: str, value: str, span: str, *, left: bool) -> str:
        return f"近 {span}内{'离开' if left else '进入'}{_quoted(label)}{f'的“{value}”' if value else ''}"

    def tag(self, tag: str, group: str, *, negated: bool) -> str:
        return f"{'没有' if negated else '有'}标签“{tag}”{f'（标签组“{group}”）' if group else ''}"

    def consent(self, channel: str, purpose: str) -> str:
        return f"同意通过“{channel}”接收“{purpose}”"

    def reachable(self, channel: str) -> str:
        return f"可通过“{channel}”触达"

    def related(self, relation: str, to: str) -> str:
        return f"与“{to}”有“{relation}”关系" if to else f"有“{relation}”关系"

    def any_record(self, kind: str, test: str) -> str:
        return f"有任一{kind}满足（{test}）" if test else f"有{kind}档案"

    def all_records(self, kind: str, test: str) -> str:
        return f"有{kind}档案且每个{kind}都满足（{test}）"

    def share(self, percent: str, salt: str) -> str:
        return f"在“{salt}”随机抽取的 {percent} 客户中"

    def hold(self, test: str, span: str) -> str:
        return f"{self.enclosed(test)}（不再满足持续 {span}后才离开）"

    def not_met(self, test: str) -> str:
        return f"不满足{self.enclosed(test)}"

    def all_met(self, tests: Sequence[str]) -> str:
        return "，且".join(tests)

    def any_met(self, tests: Sequence[str]) -> str:
        return "，或".join(tests)

    def at_least(self, count: int, tests: Sequence[str]) -> str:
        return f"以下 {len(tests)} 项至少满足 {count} 项：{'；'.join(tests)}"

    def everyone(self) -> str:
        return "所有客户"

    def enclosed(self, phrase: str) -> str:
        return f"（{phrase}）"

    # ── titles ──────────────────────────────────────────────────────────────────────────────────

    def title_of_all(self) -> str:
        return "全部满足"

    def title_of_any(self) -> str:
        return "任一满足"

    def title_of_not(self) -> str:
        return "不满足"

    def title_of_at_least(self, count: int, of: int) -> str:
        return f"{of} 项中至少满足 {count} 项"

    def title_of_hold(self, span: str) -> str:
        return f"不再满足持续 {span}后才离开"

    def title_of_any_record(self, kind: str) -> str:
        return f"有任一{kind}满足"

    def title_of_all_records(self, kind: str) -> str:
        return f"每个{kind}都满足"


def _quoted(title: str) -> str:
    """A title in quotes, unless it is a name without a title, which has its own."""
    return title if title.startswith("「") else f"“{title}”"
