"""The demo: a year of a real retailer's customers as one pool."""
