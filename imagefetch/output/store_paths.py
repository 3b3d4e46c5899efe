"""What FILES_STORE names: an address, or a local folder."""

from __future__ import annotations

from pathlib import Path


def is_remote(store: str) -> bool:
    """Whether FILES_STORE is an address (``s3://…``) and no local folder."""
    return "://" in store and not store.startswith("file://")


def local_path(store: str) -> Path:
    """Return FILES_STORE as a path; it may be written ``file:///…``."""
    return Path(store.removeprefix("file://")).absolute()
