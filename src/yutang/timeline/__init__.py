"""The engine: events as columns, and every question about customers as a function of them.

Owns the lake (Parquet, manifest), the tracks in memory, the kernels, evaluation. Knows events and
named conditions; knows no tags, journeys or channels. The central word is `steps.Steps`: a value as a
function of all time, for many customers at once.
"""
