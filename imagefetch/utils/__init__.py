"""Helpers that know nothing of images, lists or reports.

Untrusted text is sanitized for rows, logs and terminals; subprocesses are spoken to in
JSON; blocking calls run in threads; a run is ended early. Imports nothing from other
rooms, only the top files.
"""
