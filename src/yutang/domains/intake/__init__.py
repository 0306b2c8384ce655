"""What comes in: raw events judged and normalised, files mapped to events, imports as jobs.

Owns: what an acceptable event is (`rules.checker`), mapping files (`rules.mapping`, `rules.rows`), the
reading of CSV, Parquet and NDJSON, the jobs' table. Never does: anchor, deduplicate or store an event; the
inbox (`runtime`) makes it durable, the log does the rest.
Invariants: an event is refused with a code, a path and a remedy, or it is in canonical form; there is one
definition of that, whatever the door; a file's rows become the same events whenever they are read.
Who may call: connectors, the HTTP intake, journeys; the command line through `commands`.
"""
