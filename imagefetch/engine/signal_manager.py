"""Signal manager that looks up the receivers of a signal, and their parameters, once.

Scrapy's searches for both each time that a signal is sent, and creates a task for each receiver
of an asynchronous one. The receivers are still those that pydispatch lists, whoever connects them.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable
from types import FunctionType, MethodType
from typing import Any, NamedTuple

from pydispatch import dispatcher
from scrapy.exceptions import StopDownload
from scrapy.signalmanager import SignalManager
from scrapy.utils.defer import ensure_awaitable
from scrapy.utils.python import global_object_name
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

logger = logging.getLogger("scrapy.utils.signal")  # Scrapy's, for filters of users

ANY = dispatcher.Any

_UNUSUAL = {"sender", "dont_log"}
"""Arguments of the signal manager, not of receivers."""


class Receiver(NamedTuple):
    """A receiver that pydispatch lists."""

    listed: Any
    """The receiver, or a weak reference to it."""
    is_weak: bool
    parameters: tuple[str, ...] | None
    """Names of the arguments that it takes; None: any."""
    is_plain: bool
    """Whether it is a function or method, and no coroutine function."""


class Known(NamedTuple):
    """The receivers of a signal, valid as long as pydispatch lists the same."""

    lists: list[list[Any]]
    receivers: list[Receiver]
    is_plain: bool
    """Whether all of them are."""


class QuickSignalManager(SignalManager):
    """Sends signals as Scrapy's signal manager does, with less work for each signal."""

    def __init__(self, sender: Any) -> None:
        super().__init__(sender)
        self._senders = id(sender), id(ANY)
        self._known: dict[Any, Known] = {}

    def send_catch_log(self, signal: Any, **kwargs: Any) -> list[tuple[Any, Any]]:
        known = self._receivers_of(signal)
        if known is None and "sender" not in kwargs:
            return []
        if known is None or not known.is_plain or not kwargs.keys().isdisjoint(_UNUSUAL):
            return super().send_catch_log(signal, **kwargs)
        results = self._call_all(known, signal, kwargs, StopDownload)
        for receiver, result in results:
            if result is not None and isinstance(result, Deferred):
                logger.error("Cannot return deferreds from signal handler: %s", receiver)
        return results

    async def send_catch_log_async(self, signal: Any, **kwargs: Any) -> list[tuple[Any, Any]]:
        known = self._receivers_of(signal)
        if known is None and "sender" not in kwargs:
            return []
        if known is None or not known.is_plain or not kwargs.keys().isdisjoint(_UNUSUAL):
            return await super().send_catch_log_async(signal, **kwargs)
        results = self._call_all(known, signal, kwargs, ())
        if all(result is None for _, result in results):
            return results
        return [
            (receiver, result.value if isinstance(result, Failure) else result)
            for receiver, result in await _finished(results, kwargs.get("spider"))
        ]

    def has_receivers(self, signal: Any) -> bool:
        """Return whether anyone receives *signal*."""
        known = self._receivers_of(signal)
        return known is not None and any(
            not is_weak or listed() is not None for listed, is_weak, _, _ in known.receivers
        )

    def _receivers_of(self, signal: Any) -> Known | None:
        """Return the receivers of *signal* from this manager's sender; None if there are none."""
        lists = []
        connections = dispatcher.connections
        for sender in self._senders:
            if (signals := connections.get(sender)) is not None:
                if signal in signals:
                    lists.append(signals[signal])
                if ANY in signals:
                    lists.append(signals[ANY])
        if not lists:
            return None
        known = self._known.get(signal)
        if known is None or known.lists != lists:
            receivers = [
                _known(listed) for listed in dispatcher.getAllReceivers(self.sender, signal)
            ]
            is_plain = all(receiver.is_plain for receiver in receivers)
            known = Known([list(each) for each in lists], receivers, is_plain)
            self._known[signal] = known
        return known

    def _call_all(
        self, known: Known, signal: Any, arguments: dict[str, Any], quiet: Any
    ) -> list[tuple[Any, Any]]:
        """Return each live receiver, and what it returned, or the failure of what it raised."""
        results = []
        arguments["signal"], arguments["sender"] = signal, self.sender
        for listed, is_weak, parameters, _ in known.receivers:
            receiver = listed() if is_weak else listed
            if receiver is None:
                continue
            values: tuple[Any, ...] = ()
            accepted: dict[str, Any] = {}
            if parameters is None:
                accepted = arguments
            else:
                try:
                    values = tuple(map(arguments.__getitem__, parameters))
                except KeyError:
                    accepted = {name: arguments[name] for name in parameters if name in arguments}
            try:
                result = receiver(*values, **accepted)
            except quiet:
                result = Failure()  # type: ignore[no-untyped-call]
            except Exception:
                result = _logged(receiver, arguments.get("spider"))
            results.append((receiver, result))
        return results


async def _finished(results: list[tuple[Any, Any]], spider: Any) -> list[tuple[Any, Any]]:
    """Return *results* with what their awaitables return, which few plain functions return."""
    if not any(isinstance(result, Deferred | Awaitable) for _, result in results):
        return results

    async def finish(receiver: Any, result: Any) -> tuple[Any, Any]:
        try:
            return receiver, await ensure_awaitable(result, _warn=global_object_name(receiver))
        except Exception:
            return receiver, _logged(receiver, spider)

    return await asyncio.gather(*(finish(*each) for each in results))


def _logged(receiver: Any, spider: Any) -> Failure:
    """Log the exception that *receiver* raised; return it as a failure."""
    logger.error(
        "Error caught on signal handler: %(receiver)s",
        {"receiver": receiver},
        exc_info=True,
        extra={"spider": spider},
    )
    return Failure()  # type: ignore[no-untyped-call]


def _known(listed: Any) -> Receiver:
    is_weak = isinstance(listed, dispatcher.WEAKREF_TYPES)
    receiver = listed() if is_weak else listed
    code = getattr(receiver, "__code__", None)
    if code is None or not isinstance(receiver, FunctionType | MethodType):
        return Receiver(listed, is_weak, None, is_plain=False)
    names = code.co_varnames[isinstance(receiver, MethodType) : code.co_argcount]
    parameters = None if code.co_flags & inspect.CO_VARKEYWORDS else names
    return Receiver(listed, is_weak, parameters, not inspect.iscoroutinefunction(receiver))
