"""Customers on the command line: `yutang customer show | find | timeline | merge | …`."""
