"""Tells whether anyone receives a signal."""

from __future__ import annotations

from typing import Any

from pydispatch.dispatcher import getAllReceivers, liveReceivers
from scrapy.signalmanager import SignalManager


def has_receivers(manager: SignalManager, signal: object) -> bool:
    """Return whether anyone receives *signal* from *manager*."""
    quick: Any = getattr(manager, "has_receivers", None)  # imagefetch.engine.signal_manager
    if quick is not None:
        return bool(quick(signal))
    return any(True for _ in liveReceivers(getAllReceivers(manager.sender, signal)))
