"""From what a caller wrote to identities as they are compared: one spelling each.

Invariant: normalising twice changes nothing. Phones become E.164 by the brand's country, e-mail
addresses lower case with an ASCII domain, all else is cut of surrounding blanks and composed (NFC).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import NoReturn

from yutang.domains.customers.contracts import Form, IdentityProblem, Kinds, KindSpec
from yutang.domains.customers.rules.kinds import is_kind_name
from yutang.kernel.event import Identity
from yutang.kernel.limits import EVENT_IDENTITIES_COUNT_MAX, IDENTITY_VALUE_CHARS_MAX, NAME_CHARS_MAX

PHONES_CACHED_MAX = 65_536
EMAIL_LOCAL_CHARS_MAX = 64
EMAIL_DOMAIN_CHARS_MAX = 253

# Joiners inside emoji and some scripts are part of the text; other invisible characters aren't.
_JOINERS = frozenset("\u200c\u200d")
_REFUSED_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_CHINA_MOBILE = re.compile(r"1[3-9][0-9]{9}")  # the library reads these the same; this is 50 times faster
_PHONE_TEXT = re.compile(r"[+＋(（]?[\d\s().（）\-‐‑–—－/]+")
_DOMAIN_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def parse_identities(
    raw: Mapping[str, object], country: str, kinds: Kinds, *, strict: bool = False
) -> tuple[Identity, ...]:
    """The identities of an event, sorted, without doubles.

    raw: `kind` or `kind:scope` → text, whole number, or a list of these. Raises IdentityProblem:
    identity.none, .too_many, .key, .kind_unknown (strict), .scope_unexpected, .type, .empty, .too_long,
    .control, .phone, .email; `where` is the key.
    """
    found: set[Identity] = set()
    for key, value in raw.items():
        spec, scope = _read_key(key, kinds, strict)
        for one in value if isinstance(value, list | tuple) else (value,):
            found.add(Identity(spec.name, scope, _read_value(key, spec, one, country)))
        if len(found) > EVENT_IDENTITIES_COUNT_MAX:
            _refuse(
                "too_many", key, f"more than {EVENT_IDENTITIES_COUNT_MAX} identities", "send those of one person only"
            )
    if not found:
        _refuse("none", "", "there is no identity", "name at least one, such as phone or member_no")
    return tuple(sorted(found))


def normalise_value(spec: KindSpec, value: str, country: str) -> str:
    """A value of a kind as it is compared. Raises IdentityProblem."""
    return _read_value(spec.name, spec, value, country)


def _refuse(code: str, where: object, message: str, remedy: str) -> NoReturn:
    raise IdentityProblem(f"identity.{code}", message, where=str(where)[:NAME_CHARS_MAX], remedy=remedy)


def _read_key(key: object, kinds: Kinds, strict: bool) -> tuple[KindSpec, str]:
    if not isinstance(key, str):
        _refuse("key", key, "the key of an identity is text", "write kind or kind:scope")
    kind, colon, scope = key.partition(":")
    if not is_kind_name(kind):
        _refuse("key", key, f"{kind[:40]!r} can't name a kind", "write kind or kind:scope, such as openid:wx123")
    if strict and kind not in kinds:
        _refuse("kind_unknown", key, f"there is no kind {kind!r}", "declare it, or use one of `customer kinds`")
    spec = kinds[kind]
    if not colon:
        return spec, ""
    if not spec.scoped:
        _refuse("scope_unexpected", key, f"{kind} has no scope", f"write it as {kind}")
    scope = _clean(key, scope)
    if not scope or len(scope) > NAME_CHARS_MAX or ":" in scope:
        _refuse("key", key, "the scope is empty, too long or has a colon", "write kind:scope, such as openid:wx123")
    return spec, scope


def _read_value(key: str, spec: KindSpec, value: object, country: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        _refuse("type", key, f"{type(value).__name__} can't be an identity", "send text or a whole number")
    text = _clean(key, value if isinstance(value, str) else _digits(key, value))
    if not text:
        _refuse("empty", key, "the value is empty", "leave the key out where there is no value")
    if spec.form is Form.PHONE:
        return _phone(text, country) or _refuse(
            "phone", key, f"{text[:40]!r} can't be a phone number in {country}", "write it with its country: +86 138…"
        )
    if spec.form is Form.EMAIL:
        return _email(text) or _refuse(
            "email", key, f"{text[:80]!r} isn't an e-mail address", "write it like name@example.com"
        )
    return text


def _digits(key: str, number: int) -> str:
    if abs(number) >= 10**IDENTITY_VALUE_CHARS_MAX:
        _refuse("too_long", key, "the number is too long", f"at most {IDENTITY_VALUE_CHARS_MAX} digits")
    return str(number)


def _clean(key: str, text: str) -> str:
    if len(text) > 2 * IDENTITY_VALUE_CHARS_MAX:  # before work is spent on it; composing may shorten
        _refuse("too_long", key, f"longer than {IDENTITY_VALUE_CHARS_MAX} characters", "send the identity alone")
    if text.isascii():
        text = text.strip()
        if not text.isprintable():
            _refuse("control", key, "there are control characters in it", "send clean text")
    else:
        text = unicodedata.normalize("NFC", text).strip()
        if any(unicodedata.category(c) in _REFUSED_CATEGORIES and c not in _JOINERS for c in text):
            _refuse("control", key, "there are control or invisible characters in it", "send clean text")
    if len(text) > IDENTITY_VALUE_CHARS_MAX:
        _refuse("too_long", key, f"longer than {IDENTITY_VALUE_CHARS_MAX} characters", "send the identity alone")
    return text


@lru_cache(maxsize=PHONES_CACHED_MAX)
def _phone(text: str, country: str) -> str:
    if country == "CN" and _CHINA_MOBILE.fullmatch(text):
        return "+86" + text
    if not _PHONE_TEXT.fullmatch(text):
        return ""
    import phonenumbers  # heavy, and most pools read Chinese mobiles only

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(number):
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _email(text: str) -> str:
    local, at, domain = text.lower().rpartition("@")
    if not at or not local or len(local) > EMAIL_LOCAL_CHARS_MAX or any(c.isspace() or c in '@"<>,;' for c in local):
        return ""
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    labels = ascii_domain.split(".")
    if len(labels) < 2 or len(ascii_domain) > EMAIL_DOMAIN_CHARS_MAX:
        return ""
    if not all(_DOMAIN_LABEL.fullmatch(label) for label in labels):
        return ""
    return unicodedata.normalize("NFC", f"{local}@{ascii_domain}")
