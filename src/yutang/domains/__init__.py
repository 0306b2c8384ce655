"""One folder a noun, the same rooms inside; other slices enter by `api` and `contracts` only."""
