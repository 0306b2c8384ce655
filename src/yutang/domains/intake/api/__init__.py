"""Intake's door: `checking` judges events, `mappings` reads mapping files, `tables` reads data files,
`importing` runs an import, `jobs` keeps them."""
