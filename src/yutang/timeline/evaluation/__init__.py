"""Evaluation, by concern: each module gives the step functions of some nodes; `evaluate` puts them together.

    algebra      step functions out of intervals and out of one another
    literals     values of conditions in engine units, and how they are compared
    filters      which rows of a track satisfy the filter of an event set
    selection    the events of a set, merged in (at, tie) order
    windows      from when until when an event is in a window
    inside       the events of one type within reach, where they lie
    points       measures at one instant: folds over what is inside
    thresholds   tests at one instant that hang on how many events lie in an interval
    measures     count, happened, folds, periods
    sequences    ordered matches, and what wasn't followed
    states       what state events leave standing: traits, tags, consent, relations
    records      records that a customer owns, as a population of their own
    dates        age, due, anniversary, since: what the passing of time alone changes
    comparison   any subject against any value
    labels       ladders, memberships, moves, shares
    operators    which rule gives each node
    together     what several conditions that are asked at once have in common
    ask          what these may ask of the evaluation that they are part of
    population   of whom is asked, the customers or their records, and what was told of them

Invariant: every function of time here is causal: its value at T depends on events up to T alone (a
label at a fixed later instant is the one exception, and says so). None reads the clock.
"""
