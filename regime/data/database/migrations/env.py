"""Run by alembic, on the connection and in the transaction that `schema_version` opened."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
context.run_migrations()
