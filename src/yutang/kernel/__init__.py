"""Pure words that everything else speaks: instants, clocks, ids, money, errors, limits, events.

Invariant: no I/O. The only module that may read the machine's clock is `clock`, the only one that
may draw randomness is `ids`; everything else is handed both.
"""
