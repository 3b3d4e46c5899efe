"""Distinguishes local from remote values of FILES_STORE."""

from __future__ import annotations

from pathlib import Path


def is_remote(store: str) -> bool:
    """Whether FILES_STORE is a URL (``s3://…``), not a local folder."""
    return "://" in store and not store.startswith("file://")


def local_path(store: str) -> Path:
    """Return FILES_STORE as a path; it may be written ``file:///…``."""
    return Path(store.removeprefix("file://")).absolute()
