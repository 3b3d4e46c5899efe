"""Repairs and rewrites the report of an earlier run, so that this run can resume."""
