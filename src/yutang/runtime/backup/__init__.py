"""Backups of a pool: taken while it works, checked, and put back into an empty folder."""
