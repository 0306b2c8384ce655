"""Insight on the command line, a module for each kind of question."""
