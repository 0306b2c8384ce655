"""Questions about everybody: what each is of a batch of customers, as columns. Pure; figures are put together above."""
