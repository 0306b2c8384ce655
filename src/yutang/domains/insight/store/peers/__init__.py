"""Peers: engines that answer the same questions about the same events, each in the best way that was found for it.

Every peer brings the events into the form in which it is fastest, and may do so twice: by customer, and by type. What
that costs is measured as well. Formulations that were slower are told where they might be missed.
"""
