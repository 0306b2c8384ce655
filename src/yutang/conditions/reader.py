"""The state of reading one text: the token at hand, what is expected of it, and where each node came from.

Invariant: only moves forward, one token at a time, with at most one token looked ahead; every error
carries the place of a token. Remembers the place of every node (and name inside one) that is read, so
that an error of `checks`, which points into the tree, can be told as a place in the text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from yutang.conditions.lexer import RESERVED, Token, TokenKind, fault, tokens_of
from yutang.conditions.limits import DEPTH_MAX
from yutang.conditions.literals import instant_from_literal, span_from_literal
from yutang.conditions.lookups import shown
from yutang.conditions.nodes import Node, Unit
from yutang.conditions.sorts import Scope
from yutang.conditions.vocabulary import Vocabulary
from yutang.kernel.errors import ConditionError, InvalidError

N = TypeVar("N", bound=Node)
R = TypeVar("R")

_UNITS = {word: unit for unit in Unit for word in (unit.value, f"{unit.value}s")}


class Reader:
    """Tokens of a text, with what has been read of it. scope: where in the condition one is."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary
        self.scope = Scope(vocabulary)
        self._tokens = tokens_of(text)
        self._next = 0
        self._depth = 0
        # Nodes are kept with their places: an id means nothing once its node is gone.
        self._nodes: dict[int, tuple[Node, int]] = {}
        self._parts: dict[tuple[int, str], int] = {}

    # ── errors and places ───────────────────────────────────────────────────────────────────────

    def fail(self, message: str, *, at: int | None = None, remedy: str = "", code: str = "syntax") -> NoReturn:
        """Raises `condition.<code>` at a place, by default that of the token at hand."""
        where = self.token.at if at is None else at
        raise fault(self.text, where, f"condition.{code}", message, remedy)

    def fail_expecting(self, what: str, remedy: str = "") -> NoReturn:
        """Raises `condition.syntax`: something else was expected than the token at hand."""
        self.fail(f"expected {what}, found {self._shown()}", remedy=remedy)

    def placed(self, at: int, make: Callable[[], R]) -> R:
        """What `make` returns; an error of it, which knows no place, is given one."""
        try:
            return make()
        except InvalidError as error:
            raise fault(self.text, at, error.code, error.message, error.remedy) from None

    def note(self, node: N, at: int, **parts: int) -> N:
        """The node, remembered as standing at a place, with places of its fields; `types__1` is `types/1`."""
        self._nodes[id(node)] = (node, at)
        for part, part_at in parts.items():
            self._parts[id(node), part.replace("__", "/")] = part_at
        return node

    def place_of(self, root: Node, pointer: str) -> int:
        """Where in the text the part of the tree stands that a JSON pointer names; as near as is known."""
        node, rest, best = root, pointer.strip("/"), 0
        while True:
            best = self._nodes[id(node)][1] if id(node) in self._nodes else best
            if (id(node), rest) in self._parts:
                return self._parts[id(node), rest]
            name, _, rest = rest.partition("/")
            below: object = getattr(node, name, None) if name else None
            if isinstance(below, tuple):
                index, _, rest = rest.partition("/")
                below = below[int(index)] if index.isdigit() and int(index) < len(below) else None
            if not isinstance(below, Node):
                return best
            node = below

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level further in. Raises `condition.too_deep`."""
        if self._depth >= DEPTH_MAX:
            self.fail(
                f"more than {DEPTH_MAX} levels inside one another",
                code="too_deep",
                remedy="make a segment of an inner part and ask in(…)",
            )
        self._depth += 1
        yield
        self._depth -= 1

    # ── tokens ──────────────────────────────────────────────────────────────────────────────────

    @property
    def token(self) -> Token:
        """The token at hand."""
        return self._tokens[self._next]

    @property
    def following(self) -> Token:
        """The token after the one at hand."""
        return self._tokens[min(self._next + 1, len(self._tokens) - 1)]

    def advance(self) -> Token:
        """The token at hand, and on to the next."""
        token = self.token
        if token.kind is not TokenKind.END:
            self._next += 1
        return token

    def at_end(self) -> bool:
        """Whether all is read."""
        return self.token.kind is TokenKind.END

    def at_word(self, *words: str) -> bool:
        """Whether one of these keywords is at hand."""
        return self.token.kind is TokenKind.WORD and self.token.text.lower() in words

    def at_sign(self, *signs: str) -> bool:
        """Whether one of these signs is at hand."""
        return self.token.kind is TokenKind.SYMBOL and self.token.text in signs

    def next_is_word(self, word: str) -> bool:
        """Whether the token after the one at hand is this keyword."""
        return self.following.kind is TokenKind.WORD and self.following.text.lower() == word

    def next_is_sign(self, sign: str) -> bool:
        """Whether the token after the one at hand is this sign."""
        return self.following.kind is TokenKind.SYMBOL and self.following.text == sign

    def take_word(self, *words: str) -> bool:
        """Passes the keyword if it is at hand."""
        found = self.at_word(*words)
        if found:
            self.advance()
        return found

    def take_sign(self, sign: str) -> bool:
        """Passes the sign if it is at hand."""
        found = self.at_sign(sign)
        if found:
            self.advance()
        return found

    def need_word(self, word: str, remedy: str = "") -> None:
        """Passes the keyword. Raises `condition.syntax` if it isn't at hand."""
        if not self.take_word(word):
            self.fail_expecting(f"`{word}`", remedy)

    def need_sign(self, sign: str, remedy: str = "") -> None:
        """Passes the sign. Raises `condition.syntax` if it isn't at hand."""
        if not self.take_sign(sign):
            self.fail_expecting(sign, remedy)

    def _shown(self) -> str:
        token = self.token
        if token.kind is TokenKind.END:
            return "the end"
        return f"the text {shown(token.text)}" if token.kind is TokenKind.STRING else shown(token.text)

    # ── words and literals with one meaning everywhere ──────────────────────────────────────────

    def name(self, what: str) -> Token:
        """A name, bare or in quotes."""
        token = self.token
        if token.kind is TokenKind.STRING and token.text:
            return self.advance()
        if token.kind is not TokenKind.WORD:
            self.fail_expecting(what)
        if token.text.lower() in RESERVED:
            self.fail_expecting(what, f'in quotes if it is a name: "{token.text}"')
        return self.advance()

    def span(self) -> int:
        """A span of time, ms."""
        token = self.token
        if token.kind is not TokenKind.SPAN:
            bare = token.kind is TokenKind.NUMBER
            self.fail_expecting("a span of time", f"write {token.text}d for days" if bare else "write 30d, 12h, 90m")
        self.advance()
        return self.placed(token.at, lambda: span_from_literal(token.text))

    def instant(self) -> int:
        """An instant or a date, ms UTC."""
        token = self.token
        if token.kind not in (TokenKind.DATE, TokenKind.INSTANT):
            self.fail_expecting("a date or an instant", "write it like 2017-03-01 or 2017-03-01T10:00:00Z")
        self.advance()
        return self.placed(token.at, lambda: instant_from_literal(token.text, self.vocabulary.zone))

    def count(self) -> int:
        """A whole number, not negative."""
        token = self.token
        if token.kind is not TokenKind.NUMBER or not token.text.isdigit() or len(token.text) > 9:
            self.fail_expecting("a whole number")
        self.advance()
        return int(token.text)

    def unit(self) -> Unit:
        """day(s), week(s), month(s) or year(s)."""
        unit = _UNITS.get(self.token.text.lower()) if self.token.kind is TokenKind.WORD else None
        if unit is None:
            self.fail_expecting("days, weeks, months or years")
        self.advance()
        return unit

    def described(self, root: Node, error: ConditionError) -> ConditionError:
        """An error that points into the tree, told as a place in the text."""
        at = self.place_of(root, error.where)
        return fault(self.text, at, error.code, error.message, error.remedy)
