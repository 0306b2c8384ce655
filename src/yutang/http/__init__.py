"""The HTTP door: mounts what slices export as routes; knows no domain."""
