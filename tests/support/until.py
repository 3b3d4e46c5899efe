"""Waiting for what happens in other processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

PATIENCE = 120  # seconds for what takes a few

T = TypeVar("T")


def until(holds: Callable[[], T], what: str) -> T:
    """Return what *holds* returns once it is true; fail where it never is."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if result := holds():
            return result
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")


def is_over(process: psutil.Process) -> bool:
    """Whether a process has ended, even if its exit status was not read yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
