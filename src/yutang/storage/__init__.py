"""Where bytes are kept: SQL databases with units of work and migrations, files that survive a crash.

Knows no table by name but its own version table; the slices' `store.py` declare theirs on `schema.metadata`.
"""
