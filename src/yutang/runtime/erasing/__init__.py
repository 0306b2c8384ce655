"""Erasing: its words (`contracts`), what to look for (`needles`), its tables and those of the log that it cleans
(`store`), its part in the log (`erasing_pass`), and the proof by search (`search`).

Owns: `erasures`, the tombstones. Never does: decide who is one person (customers), or what their labels are.
Invariant: once an ERASE record is taken, a crash at any instant ends in the whole erasure, and nothing of a customer
is kept to remember the erasure by but a public id.
"""
