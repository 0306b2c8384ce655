"""The compiled loops of evaluation: pure, over int64 columns, each tested against an obvious reference."""
