"""The audience's door, by concern.

definitions  labels as data: built in, changed, checked, shown
evaluating   the slot of the audience, and evaluation at an epoch
upkeep       what records and time change, for the slice's pass
background   the records by which a label is defined
building     definitions worked out beside the loop
feed         what changed, as it was known then
histories    who had what, as known now and as known then; `checkpoints` keeps the latter short
questions    who, how many, why, since when
"""
