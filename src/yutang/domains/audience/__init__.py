"""Audience: labels. Tags by rule, stages, tiers and segments are one thing: a ladder of named conditions.

Owns: definitions (data, built-in ones shipped in `builtin.yaml`), the present value of every label for every
customer, the change feed. Never: evaluates by itself (that is `timeline`), contacts anybody, stores intervals
(they are functions of timelines; the feed is what was known then).
Invariants: a customer has at most one value of a label at an instant; the present values equal a full recompute
at pool time; the feed is append-only and names a cause for every row.
Who may call: every slice above, through `api`.
"""
