"""Pure decisions of the audience."""
