"""All tests, by kind: unit, api, properties, crash, conformance, e2e, tidy."""
