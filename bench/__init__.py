"""Timings, apart from tests: `make bench` prints a table and writes `bench/out/results.json`."""
