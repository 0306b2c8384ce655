"""Alembic's entry: runs the steps on the database that `migrate` names.

Invariant: all steps are one transaction, so a database is of one version or of the other, never between.
"""

from alembic import context

from yutang.storage.database import Database

database = Database(context.config.get_main_option("sqlalchemy.url") or "")
with database.unit() as uow:
    context.configure(connection=uow.connection, render_as_batch=True, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()
database.close()
