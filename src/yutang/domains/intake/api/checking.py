"""Judging raw events against a pool's catalogue and kinds of identity."""

from __future__ import annotations

from collections.abc import Mapping

from yutang.domains.catalogue.contracts import Catalogue
from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import Form, Kinds
from yutang.domains.intake.rules.checker import Checker
from yutang.kernel.event import Identity


def make_checker(catalogue: Catalogue, kinds: Kinds, *, country: str, strict: bool, now_ms: int) -> Checker:
    """A checker for the events of one feed: `check(index, raw) -> Event | Problem`, never raising.

    country: by which national phone numbers are read. strict: refuse what isn't declared. now_ms: pool time.
    """

    def identities(raw: Mapping[str, object]) -> tuple[Identity, ...]:
        return customers.parse_identities(raw, country, kinds, strict=strict)

    return Checker(catalogue, strict=strict, now_ms=now_ms, identities=identities)


def plain_kinds(kinds: Kinds) -> frozenset[str]:
    """The kinds of identity whose values are compared as they are sent, but for blanks around them."""
    return frozenset(name for name, spec in kinds.specs.items() if spec.form is Form.PLAIN)
