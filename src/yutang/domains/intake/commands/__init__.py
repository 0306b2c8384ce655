"""Intake on the command line: imports, and webhooks."""
