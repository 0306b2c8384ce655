"""Yutang (鱼塘): every event on a customer's timeline, everything known a function of timelines."""

__version__ = "0.1.0"
