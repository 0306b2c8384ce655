"""How people name a customer, and what to tell them where nobody or several answer to it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from yutang.domains.customers.contracts import IdentityProblem
from yutang.domains.customers.rules.kinds import BUILTIN
from yutang.domains.customers.rules.normalise import normalise_value
from yutang.domains.customers.rules.state import CustomersState, identity_id
from yutang.kernel.errors import InvalidError, NotFoundError
from yutang.kernel.event import Identity

CANDIDATES_NAMED_MAX = 10
SUGGESTIONS_MAX = 3


def numbers_named(state: CustomersState, text: str, country: str) -> Iterator[int]:
    """The identities that `kind:value` or `kind:scope:value` names; without a scope, of every scope."""
    kind, colon, rest = text.partition(":")
    spaces = [space for (name, _), space in state.known_spaces.items() if name == kind]
    if not colon or not spaces:
        return
    for space in sorted(spaces, key=lambda space: space.scope):
        for value in dict.fromkeys((rest, rest.removeprefix(f"{space.scope}:"))):
            try:
                normal = normalise_value(space.spec, value, country)
            except IdentityProblem:
                continue
            number = state.index.find(Identity(kind, space.scope, normal))
            if number is not None:
                yield number


def spellings(text: str, country: str) -> list[str]:
    """What a bare value may be kept as: as written, as a phone, as an e-mail."""
    found = {text: None}
    for spec in BUILTIN:
        try:
            found[normalise_value(spec, text, country)] = None
        except IdentityProblem:
            continue
    return list(found)


def first_match(state: CustomersState, number: int, prefix: str) -> bool:
    """Whether an identity is the first of its customer that begins so: each customer is found once."""
    for member in state.members(number):
        identity = state.identities[member]
        if member == number or not prefix:
            return member == number
        if identity.value.startswith(prefix) or identity_id(identity).startswith(prefix):
            return False
    return True


def nobody(state: CustomersState, text: str, near: Sequence[int]) -> NotFoundError:
    """The error where nobody answers to a text. near: identities that begin alike."""
    values = {state.identities[number].value: number for number in near}
    close = difflib.get_close_matches(text.rpartition(":")[2], values, n=SUGGESTIONS_MAX, cutoff=0.6)
    named = ", ".join(state.identities[values[value]].text() for value in close)
    return NotFoundError(
        "customer.unknown", f"nobody goes by {text[:80]!r}",
        remedy=f"did you mean {named}?" if named else "look with `yutang customer find` and the beginning of a value",
    )  # fmt: skip


def ambiguous(state: CustomersState, text: str, found: Sequence[int]) -> InvalidError:
    """The error where several customers answer to a text."""
    named = ", ".join(state.identities[number].text() for number in sorted(found)[:CANDIDATES_NAMED_MAX])
    return InvalidError(
        "customer.ambiguous", f"{text[:80]!r} could be several customers: {named}",
        remedy="name the kind too, such as phone:+8613800000000",
    )  # fmt: skip
