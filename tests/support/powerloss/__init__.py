"""Power loss, made from a journal of what processes told the disk: `shim.c` writes it, `replay` reads it."""
