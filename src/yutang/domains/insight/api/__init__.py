"""The door of insight: `figures` (the report, SQL), `live` (what arrives)."""
