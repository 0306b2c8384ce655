"""What generates the references under docs/reference."""
