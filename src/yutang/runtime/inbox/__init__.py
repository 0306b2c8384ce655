"""The inbox: accepted batches, durable before they are acknowledged, until they are in the lake.

Owns `inbox.db`. Written by the intake process alone (or by whoever holds the folder's lock and plays
intake); the engine only reads it and asks for it to be trimmed.
"""
