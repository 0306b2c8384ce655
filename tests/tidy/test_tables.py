"""What the stores declare is what the migrations build."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect
from sqlalchemy.schema import MetaData

from tests.tidy.source import package_modules
from yutang.storage.migrations import migrate
from yutang.storage.schema import metadata

Shape = dict[str, tuple[dict[str, bool], set[str], set[tuple[str, ...]]]]


def _declared() -> Shape:
    for module in package_modules():
        if "store" in module.parts:
            importlib.import_module(".".join(("yutang", *module.parts)).removesuffix(".__init__"))
    return {
        table.name: (
            {column.name: bool(column.nullable) for column in table.columns},
            {column.name for column in table.primary_key.columns},
            {_names(index.columns) for index in table.indexes},
        )
        for table in _tables(metadata)
    }


def _tables(of: MetaData) -> Iterable[Any]:
    return of.tables.values()


def _names(columns: Iterable[Any]) -> tuple[str, ...]:
    return tuple(column.name for column in columns)


def _migrated(path: Path) -> Shape:
    migrate(path)
    engine = create_engine(f"sqlite:///{path}")
    try:
        found = inspect(engine)
        return {
            name: (
                {column["name"]: bool(column["nullable"]) for column in found.get_columns(name)},
                set(found.get_pk_constraint(name)["constrained_columns"]),
                {tuple(str(column) for column in index["column_names"]) for index in found.get_indexes(name)},
            )
            for name in found.get_table_names()
            if name != "alembic_version"
        }
    finally:
        engine.dispose()


def test_declared_tables_are_those_that_migrations_build(tmp_path: Path) -> None:
    """Names, columns, what may be null, keys and indexes; a difference wants a new step."""
    declared, migrated = _declared(), _migrated(tmp_path / "yutang.db")
    assert set(declared) == set(migrated), f"not in both: {sorted(set(declared) ^ set(migrated))}"
    for name, shape in declared.items():
        assert shape == migrated[name], f"{name} differs"
