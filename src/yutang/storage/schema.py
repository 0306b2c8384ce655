"""The one `MetaData` on which every `store.py` declares its tables of the operational database."""

from sqlalchemy import MetaData

metadata = MetaData()
