"""Revisions of the schema, for Alembic: each file of ``versions`` brings the one before it to the next.

Whoever changes a table runs ``python tools/make_migration.py "WHAT CHANGES"``, reads what it wrote, and commits both.
A revision that has been released is never changed.
"""
