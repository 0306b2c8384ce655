"""Insight: figures about the pool, each of them a set of customers.

Owns: the report. Never: keeps figures; every one is computed from timelines when asked.
Invariants: a figure at T counts customers with an event that isn't a state event at or before T.
Who may call: slices above, through `api`.
"""
