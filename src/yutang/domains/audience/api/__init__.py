"""The audience's door, by concern.

definitions  labels as data: built in, changed, checked, shown
evaluating   the slot of the audience, and evaluation at an epoch
upkeep       what records and time change, for the slice's pass
feed         what changed, as it was known then
questions    who, how many, why, since when
"""
