"""The house rules as ordinary tests: what a reviewer would otherwise have to remember."""
