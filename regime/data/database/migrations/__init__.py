"""Versions of the store's tables, by alembic."""
