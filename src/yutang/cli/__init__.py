"""The command line: finds the pool, opens it or calls its service, runs the slices' lines, shows errors."""
