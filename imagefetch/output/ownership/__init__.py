"""Which report owns which file of a store.

A report and its store come in; files are moved to where nothing is yet, and only files
that are proven to be the report's own are replaced or removed. Must not know how files
came to be downloaded.
"""
