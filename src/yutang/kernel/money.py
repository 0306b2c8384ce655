"""Money as integers of the currency's smallest unit; text and files carry major units.

Invariant: no float ever holds money. More digits than the currency has are refused, not rounded.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from yutang.kernel.errors import InvalidError

# Digits after the point by ISO 4217; what isn't listed has two.
_DIGITS = {
    "BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0, "PYG": 0, "RWF": 0,
    "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
    "BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
}  # fmt: skip
MINOR_MAX = 10**15  # 10 trillion in cents: sums of a lifetime stay far inside int64


def currency_digits(currency: str) -> int:
    """Digits after the decimal point of a currency (ISO 4217 code)."""
    return _DIGITS.get(currency, 2)


def minor_from_major(amount: str | int | float | Decimal, currency: str, *, where: str = "") -> int:
    """Major units (`"12.30"`) as minor ones (1230). A float counts as its shortest decimal text."""
    try:
        major = Decimal(repr(amount)) if isinstance(amount, float) else Decimal(amount)
    except (InvalidOperation, ValueError, TypeError):
        major = Decimal("NaN")
    if not major.is_finite():
        raise InvalidError(
            "money.malformed", f"{amount!r} isn't an amount", where=where, remedy="write a number such as 12.30"
        )
    digits = currency_digits(currency)
    minor = major.scaleb(digits)
    if minor != minor.to_integral_value():
        raise InvalidError(
            "money.too_precise",
            f"{amount} has more digits than {currency} has ({digits})",
            where=where,
            remedy=f"round it to {digits} digits after the point",
        )
    if abs(minor) > MINOR_MAX:
        raise InvalidError(
            "money.too_large", f"{amount} {currency} is beyond what an amount may be", where=where,
            remedy="check the unit: amounts are written in major units",
        )  # fmt: skip
    return int(minor)


def major_text(minor: int, currency: str) -> str:
    """Minor units as major ones with all the currency's digits: 1230 CNY → `12.30`."""
    digits = currency_digits(currency)
    return f"{Decimal(minor).scaleb(-digits):.{digits}f}"
