"""A plan as one program that is run customer by customer."""
