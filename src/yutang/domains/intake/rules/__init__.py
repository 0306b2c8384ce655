"""Pure decisions of intake: values, events, mappings, rows."""
