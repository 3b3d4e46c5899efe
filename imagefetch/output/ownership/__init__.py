"""Tracks which report owns which file of a store.

A report and its store come in. Files are moved only to unused names, and only files that
are proven to belong to the report are replaced or removed. This room must not know how
files are downloaded.
"""
