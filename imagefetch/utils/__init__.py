"""Helpers that know nothing of images, lists or reports.

Sanitizes untrusted text for rows, logs and terminals; exchanges JSON with subprocesses;
runs blocking calls in threads; ends a run early. Imports nothing from other rooms, only
the top files.
"""
