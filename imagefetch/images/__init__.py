"""Inspects image files and decides which are kept.

A file and its first bytes come in; its type, size and completeness go out, or the error
that rejects it. Images are decoded only in subprocesses. This room must not know requests,
the report or the store.
"""
