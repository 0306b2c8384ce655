"""How large a condition may be. Every loop and recursion of this package is bounded by one of these.

Invariant: whatever `checks` lets through can be written by `text` and read back by `grammar`, so the
bound of a text is wider than all that a tree within its own bounds can be written as.
"""

from collections.abc import Mapping

from yutang.conditions.nodes import Unit
from yutang.kernel.instants import DAY_MS

DEPTH_MAX = 48  # nodes from the root to a leaf; also open parentheses and `not`s of a text
NODES_COUNT_MAX = 2_000
STRINGS_CHARS_MAX = 200_000  # of all names and texts of a tree, escaped
TEXT_CHARS_MAX = 500_000  # STRINGS_CHARS_MAX + NODES_COUNT_MAX nodes of at most 150 characters
JSON_BYTES_MAX = 1_000_000
JSON_ITEMS_COUNT_MAX = 40_000  # objects, lists and scalars: a node has at most a dozen

EVENT_TYPES_COUNT_MAX = 64  # of one event set
VALUES_COUNT_MAX = 1_000  # of one `in (…)`
STEPS_COUNT_MAX = 16  # of one sequence
SPAN_MS_MAX = 36_525 * DAY_MS  # a hundred years
NUMBER_ABS_MAX = 10**12  # in millionths still inside an int64
INTEGER_ABS_MAX = 2**53 - 1  # what a browser can hold exactly
NUMBER_DIGITS_MAX = 6  # after the point: the engine counts in millionths
# Ten years of each, so that a chain of complete periods stays a short list.
PERIODS_COUNT_MAX: Mapping[Unit, int] = {Unit.DAY: 3_660, Unit.WEEK: 530, Unit.MONTH: 120, Unit.YEAR: 10}
