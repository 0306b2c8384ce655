"""What may be said about customers: event types, traits and kinds of record, built in and the brand's own.

Owns: the declarations (`builtin.yaml` and the edits of the log) and the slot VOCABULARY, without labels.
Never does: judge an event (`intake`), keep one (`timeline`), or say what a condition means (`conditions`).
Invariants: the kind of a property or trait never changes; nothing declared disappears; state events are
fixed. What is seen without being declared becomes part of the vocabulary, marked as undeclared.
Who may call: every slice.
"""
