"""Pure decisions of the slice: kinds, normalisation, resolution of evidence into customers, profiles."""
