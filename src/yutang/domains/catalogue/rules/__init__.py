"""Pure decisions of the catalogue: reading documents, applying declarations, noting what is unseen, cards."""
