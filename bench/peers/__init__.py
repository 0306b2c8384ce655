"""Peers for what only the made world has: stage flow, and many segments at once.

Funnel, retention, a single segment and RFM are formulated in `yutang.domains.insight.store.peers`, which `yutang bench`
uses as well.
"""
