"""The numbers of which programs of the machine are made (`machine.program`), as kernels and their makers know them.

Invariant: constants only; who changes one changes what is compiled (`tests/tidy/test_machine_compiled`).
"""

from __future__ import annotations

# ── leaves: LEAF_FIELDS numbers each ────────────────────────────────────────────────────────────────
OP, WINDOW, WIDTH, WINDOW_END, LOW, HIGH, NEGATED, LOW_MORE, HIGH_MORE, BODY, BODY_END = range(11)
LEAF_FIELDS = 11
# OP: what is compared. Each is true if LOW <= it <= HIGH, or, NEGATED, if it is known and not so.
COUNT, SUM, AVERAGE, LEAST, GREATEST, FIRST, LAST, SINCE_FIRST, SINCE_LAST, SINCE_SEEN, PERIODS, INPUT = range(12)
# DISTINCT: how many different values. RETURNED: after LOW ms at least. SEQUENCE: in LOW ms at most; its body is a STEP
# for each step. NOT_FOLLOWED: within LOW ms.
DISTINCT, RETURNED, SEQUENCE, NOT_FOLLOWED = range(12, 16)
# Of the row that stands: JUDGED: whether its flag is JUDGED_TRUE. AGE: in units WIDTH (of UNITS), by the table of days
# WINDOW_END. DUE: ms until the instant. ANNIVERSARY: by the table of days WINDOW_END. WINDOW: which row stands: LATEST,
# RANKED (a value doesn't give way to one of a worse rank), RECORDED (the latest of the record that is asked about).
# KEYED: whether there is a key whose latest row is one that begins it. FACT: number LOW.
JUDGED, AGE, DUE, ANNIVERSARY, KEYED, FACT = range(16, 22)
LATEST, RANKED, RECORDED = range(3)
# Those with a body. RECORDS: of how many open records it holds. HOLD: it held at some instant of the WIDTH ms up to
# now, both ends included; ENTERED: it came to hold after the first of these. AT_INSTANT: it holds at WIDTH.
RECORDS, HOLD, ENTERED, AT_INSTANT = range(22, 26)
# WINDOW, with WIDTH and WINDOW_END: ALL: none. ROLLING: width in ms. FIXED: [start, end). COMPLETE: the table of the
# unit's periods, how many. CURRENT: the table.
ALL, ROLLING, FIXED, COMPLETE, CURRENT = range(5)
# The role of a source in a leaf: SUM: 1, -1 if its values are taken off. KEYED, RECORDS: 1 begins, -1 ends. SEQUENCE:
# the step, or OPTIONAL + the step for what may not come before it; the last step first. NOT_FOLLOWED: 0, OPTIONAL for
# what may follow.
OPTIONAL = 32
# Flags of rows where a row stands: not of it, judged so, without value.
NOT_OF_IT, JUDGED_FALSE, JUDGED_TRUE, JUDGED_UNKNOWN = range(4)

# ── context: what a kernel is handed, as addresses, counts and the answer (kernels/machine_asked) ───
C_LEAVES, C_LEAF_SOURCES, C_USES, C_ROLES, C_PERIODS, C_BOUNDS, C_BODY, C_ROOM, C_BLOCK_OF, C_BLOCKS = range(10)
C_INPUTS, C_INPUTS_COUNT, C_SEEN, C_FACTS, C_FACTS_COUNT, C_TESTED, C_TRUTH = range(10, 17)
CONTEXT_FIELDS = 17

# ── room: memory of a call of a kernel, for one leaf after the other (kernels/machine_order) ────────
# A stamp that grows with each count of values; where steps and the table of values begin; the table's places; where
# it stands whose entries of a source are kept, and these (machine_words.near); a number for the first customer of the
# batch, how many customers.
STAMP, STEPS_AT, TABLE_AT, PLACES, NEAR_AT, ENTRIES_AT, BASE, CUSTOMERS = range(8)
ROOM_HEAD, CURSOR_FIELDS, STEP_FIELDS = 8, 9, 5
ENTRY = 24  # bytes of an entry of what a customer has of a source
DISTINCT_COUNT_MAX = 2_048  # of different values that are told apart; the table of them has four times as many places

# ── blocks: BLOCK_FIELDS numbers each ───────────────────────────────────────────────────────────────
# BY: how a customer's rows are found. DENSE: `lows` and `highs` have an entry a customer of the pool, by its head, if
# that is below `most`; others have no rows. BATCH: an entry a customer of the batch. INDEXED: `lows` is a run's packed
# index, `highs` the anchor of each customer of the batch, -1 for none; who has several anchors has a block for each.
# The others are addresses, 0 for none: the first row of each customer and the one after its last, the columns.
BY, LOWS, HIGHS, AT, TIE, FLAGS, VALUES, MOST, KEYS = range(9)
BLOCK_FIELDS = 9
DENSE, BATCH, INDEXED = range(3)

# ── code: two numbers each, what and an operand ─────────────────────────────────────────────────────
PUSH, CONSTANT, NOT, ALL_OF, ANY_OF, AT_LEAST, OF_LABEL, RUNG, UNLESS, WHERE, STEP = range(11)
# PUSH: a leaf. CONSTANT: 0, 1. ALL_OF, ANY_OF: how many truths. AT_LEAST: truths * AT_LEAST_BASE + how many of them.
# OF_LABEL: ladder * LABEL_BASE + rung + 1, rung -1 for any. RUNG: takes a truth; the ladder ends here if it holds.
# Of bodies only: UNLESS, WHERE: if the truth is 0 (1), go on so many steps further; else take it away. STEP: of a
# sequence, within so many ms of the step before.
AT_LEAST_BASE = LABEL_BASE = 1 << 20
BODY_STACK = 62  # truths that may wait in a body: bits of one number
BODIES_DEPTH_MAX = 16  # of leaves with a body in one another's
