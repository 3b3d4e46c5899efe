"""Signals are sent as by Scrapy's signal manager, whatever the receivers do."""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from pydispatch import dispatcher
from scrapy.exceptions import IgnoreRequest, StopDownload
from scrapy.signalmanager import SignalManager
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from imagefetch.engine.signal_manager import QuickSignalManager

SIGNAL = object()
OTHER = object()


class Sender:
    """Of the signals, as a crawler."""


def takes_nothing() -> str:
    return "nothing"


def takes_one(spider: Any) -> Any:
    return spider


def takes_all(**arguments: Any) -> list[str]:
    return sorted(arguments)


def has_a_default(spider: Any, missing: int = 7) -> tuple[Any, int]:
    return spider, missing


def only_by_name(*, spider: Any = None) -> Any:
    return spider


def takes_signal_and_sender(signal: Any, sender: Any) -> tuple[bool, str]:
    return signal is SIGNAL, type(sender).__name__


def takes_too_much(spider: Any, missing: Any) -> tuple[Any, Any]:
    return spider, missing


def raises() -> None:
    raise LookupError("no such thing")


def stops_the_download() -> None:
    raise StopDownload


def ignores_the_request() -> None:
    raise IgnoreRequest


async def is_a_coroutine(spider: Any) -> Any:
    await asyncio.sleep(0)
    return spider


async def raises_later() -> None:
    await asyncio.sleep(0)
    raise LookupError("no such thing")


def returns_a_coroutine(spider: Any) -> Any:
    return is_a_coroutine(spider)


def returns_a_coroutine_that_raises() -> Any:
    return raises_later()


def returns_a_deferred() -> Deferred[str]:
    return succeed("later")


class Methods:
    def method(self, spider: Any) -> Any:
        return spider

    @classmethod
    def of_the_class(cls, spider: Any) -> str:
        return cls.__name__

    @staticmethod
    def static(spider: Any) -> Any:
        return spider

    def __call__(self, spider: Any) -> Any:
        return spider


METHODS = Methods()

RECEIVERS = [
    takes_nothing,
    takes_one,
    takes_all,
    has_a_default,
    only_by_name,
    takes_signal_and_sender,
    takes_too_much,
    raises,
    stops_the_download,
    ignores_the_request,
    is_a_coroutine,
    raises_later,
    returns_a_coroutine,
    returns_a_coroutine_that_raises,
    returns_a_deferred,
    METHODS.method,
    Methods.of_the_class,
    Methods.static,
    METHODS,
    partial(takes_one, spider="partial"),  # pydispatch can't call it
]


def name_of(receiver: Any) -> str:
    return getattr(receiver, "__qualname__", None) or type(receiver).__name__


@pytest.fixture(params=[SignalManager, QuickSignalManager])
def manager(request: pytest.FixtureRequest) -> Iterator[SignalManager]:
    yield request.param(Sender())
    for signal in (SIGNAL, OTHER):
        for receiver in list(dispatcher.liveReceivers(dispatcher.getReceivers(signal=signal))):
            dispatcher.disconnect(receiver, signal)  # from any sender


def comparable(results: list[tuple[Any, Any]]) -> list[tuple[str, object]]:
    shown: list[tuple[str, object]] = []
    for receiver, result in results:
        value = result.value if isinstance(result, Failure) else result
        if asyncio.iscoroutine(value):
            value.close()
            value = "a coroutine"
        if isinstance(value, Deferred):
            value = "a deferred"
        if isinstance(value, Exception):
            value = type(result), repr(value).partition(" at 0x")[0]
        shown.append((name_of(receiver), value))
    return shown


def send(manager: SignalManager, *, later: bool, **arguments: Any) -> list[tuple[str, object]]:
    async def run() -> list[tuple[Any, Any]]:
        if later:
            return await manager.send_catch_log_async(SIGNAL, **arguments)
        return manager.send_catch_log(SIGNAL, **arguments)

    return comparable(asyncio.run(run()))


def ids(receivers: Any) -> str:
    return name_of(receivers[0]) if len(receivers) == 1 else "all"


@pytest.mark.parametrize("later", [False, True], ids=["now", "later"])
@pytest.mark.parametrize("dont_log", [(), IgnoreRequest, (IgnoreRequest, LookupError)])
@pytest.mark.parametrize("receivers", [*([each] for each in RECEIVERS), RECEIVERS], ids=ids)
def test_results_log_and_warnings_are_those_of_scrapy(
    receivers: list[Any], dont_log: Any, later: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """Each receiver alone, and all together."""
    found = []
    more = {"dont_log": dont_log} if dont_log else {}
    for kind in (SignalManager, QuickSignalManager):
        manager = kind(Sender())
        caplog.clear()
        for receiver in receivers:
            manager.connect(receiver, SIGNAL, weak=False)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            results = send(manager, later=later, spider="a spider", response=1, **more)
        told = [(each.name, each.levelno, each.getMessage()) for each in caplog.records]
        errors = [each for each in told if each[1] >= logging.ERROR]
        # Objects of other tests that are collected meanwhile may warn, too.
        told_of = [each for each in warned if each.category is not ResourceWarning]
        found.append((results, errors, [(each.category, str(each.message)) for each in told_of]))
    assert found[0][0]
    assert found[0] == found[1]


def test_receivers_may_come_and_go(manager: SignalManager) -> None:
    def names() -> list[str]:
        return [name for name, _ in send(manager, later=False, spider=1)]

    assert names() == []
    manager.connect(takes_one, SIGNAL)
    assert names() == ["takes_one"]
    manager.connect(takes_all, SIGNAL)
    manager.connect(takes_nothing, OTHER)
    assert names() == ["takes_one", "takes_all"]
    manager.connect(takes_one, SIGNAL)  # connected once
    assert names() == ["takes_all", "takes_one"]
    manager.disconnect(takes_all, SIGNAL)
    assert names() == ["takes_one"]
    dispatcher.connect(takes_nothing, SIGNAL)  # from any sender
    assert names() == ["takes_one", "takes_nothing"]
    dispatcher.connect(takes_all, sender=manager.sender)  # any signal
    assert names() == ["takes_one", "takes_all", "takes_nothing"]
    dispatcher.disconnect(takes_all, sender=manager.sender)
    manager.disconnect(takes_one, SIGNAL)
    dispatcher.disconnect(takes_nothing, SIGNAL)
    assert names() == []


def test_a_receiver_is_not_kept_alive(manager: SignalManager) -> None:
    """As with Scrapy, only weak references are held."""
    methods = Methods()
    manager.connect(methods.method, SIGNAL)
    assert send(manager, later=False, spider=1) == [("Methods.method", 1)]
    del methods
    gc.collect()
    assert send(manager, later=False, spider=1) == []


def test_a_receiver_may_connect_and_disconnect_receivers(manager: SignalManager) -> None:
    def first() -> None:
        manager.disconnect(first, SIGNAL)
        manager.connect(takes_one, OTHER)

    manager.connect(first, SIGNAL)
    assert [name.rpartition(".")[2] for name, _ in send(manager, later=False, spider=1)] == [
        "first"
    ]
    assert send(manager, later=False, spider=1) == []
    assert manager.send_catch_log(OTHER, spider=1) == [(takes_one, 1)]


def test_another_sender_may_be_named(manager: SignalManager) -> None:
    sender = Sender()
    dispatcher.connect(takes_one, SIGNAL, sender=sender)
    assert manager.send_catch_log(SIGNAL, sender=sender, spider=1) == [(takes_one, 1)]
    assert manager.send_catch_log(SIGNAL, spider=1) == []


def test_a_signal_can_be_waited_for(manager: SignalManager) -> None:
    async def run() -> None:
        waiting = asyncio.ensure_future(manager.wait_for(SIGNAL))
        await asyncio.sleep(0)
        manager.send_catch_log(SIGNAL)
        await waiting

    asyncio.run(run())
