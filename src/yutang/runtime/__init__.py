"""What runs the house: the pool's folder and settings, the inbox, the ordered log and its loop, jobs, the socket.

Knows no domain: slices take part in the log through the port `log.contracts.Pass`.
"""
