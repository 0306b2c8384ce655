"""Customers: who is one person, what is known of them, and what people decided about it.

Owns: the table of kinds of identity, identities and the evidence that links them, hand edits (merge,
unmerge, settle) with who, when and why, the resolution of all that into customers, profiles as a
function of timelines, reviews.
Never does: judge or store events (intake, timeline), evaluate conditions, send anything.
Invariants: an event stays anchored to the strongest identity that it carries; a customer is a set of
identities; the result depends on the set of evidence and the log of edits, never on order of arrival;
published state never changes.
Who may call: every slice above (intake, audience, …), through `api` and `contracts`.
"""
