"""The one language of labels, triggers, branches, goals, alarms: nodes, text, sentences, checks.

Two exact faces, JSON (`codec`) and text (`grammar` reads it, `text` writes it), one tree (`nodes`),
judged against what the brand has declared (`vocabulary`) by `checks`, told to people by `sentences`.
Invariant: pure. Whether a customer satisfies a condition is computed in `timeline`, not here.
"""
