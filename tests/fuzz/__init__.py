"""Fuzz targets: bytes that nobody would think of, against everything that reads what strangers send."""
