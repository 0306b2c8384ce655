"""How spans of time are said to people: roughly, in at most two units."""

from __future__ import annotations

from yutang.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

_UNITS = ((DAY_MS, "天", "d"), (HOUR_MS, "小时", "h"), (MINUTE_MS, "分", "m"), (SECOND_MS, "秒", "s"))
DAYS_ALONE_COUNT = 10  # from so many days on, hours say nothing


def roughly(span_ms: int, language: str) -> str:
    """A span as people say it, such as `3d 4h`, `45s`, `3天4小时`; cut, not rounded. language: zh or en."""
    chinese = language == "zh"
    for place, (unit, zh, en) in enumerate(_UNITS):
        if span_ms < unit:
            continue
        count, rest = divmod(span_ms, unit)
        said = f"{count}{zh if chinese else en}"
        if place + 1 == len(_UNITS) or (unit == DAY_MS and count >= DAYS_ALONE_COUNT):
            return said
        finer, finer_zh, finer_en = _UNITS[place + 1]
        more = rest // finer
        return said + (f"{'' if chinese else ' '}{more}{finer_zh if chinese else finer_en}" if more else "")
    return "0秒" if chinese else "0s"
