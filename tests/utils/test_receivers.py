"""Whether a signal has receivers."""

from __future__ import annotations

import gc

import pytest
from scrapy.signalmanager import SignalManager

from imagefetch.engine.signal_manager import QuickSignalManager
from imagefetch.utils.receivers import has_receivers


class Component:
    def receive(self) -> None:
        pass


@pytest.mark.parametrize("manager", [SignalManager, QuickSignalManager])
def test_a_signal_has_receivers_while_they_are_connected_and_alive(
    manager: type[SignalManager],
) -> None:
    """With Scrapy's signal manager, too, which another add-on may put back."""
    sender, signal, other = object(), object(), object()
    signals = manager(sender)
    assert not has_receivers(signals, signal)
    first, second = Component(), Component()
    signals.connect(first.receive, signal)
    signals.connect(second.receive, signal)
    assert has_receivers(signals, signal)
    assert not has_receivers(signals, other)
    signals.disconnect(first.receive, signal)
    assert has_receivers(signals, signal)
    del second
    gc.collect()
    assert not has_receivers(signals, signal)
