"""Staff: who may do what. API keys; members, teams and roles are to come.

Owns: API keys (the digests of their secrets, feeds, origins, rates) with who made, rotated and revoked them.
Never does: check a request (the intake process does, by the basis that it is told), judge events.
Invariants: a secret leaves once, in the answer that made it, and is stored nowhere; one key, one feed.
Who may call: every slice above, through `api` and `contracts`.
"""
