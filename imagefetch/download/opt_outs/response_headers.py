"""Tells whether the headers of a response opt out of the use of its body."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scrapy.settings import BaseSettings

from imagefetch.download.opt_outs.preferences import Preferences
from imagefetch.download.opt_outs.robots_tag import OptOut
from imagefetch.download.opt_outs.signals import ROBOTS_TAG, TDMREP

RESERVATION = b"tdm-reservation"
"""Header of TDMRep (https://www.w3.org/community/reports/tdmrep/CG-FINAL-tdmrep-20240510/)."""


class HeaderSignals:
    """Settings: OPT_OUT_SIGNALS, OPT_OUT_DIRECTIVES, USER_AGENT."""

    def __init__(self, settings: BaseSettings) -> None:
        signals = settings.getlist("OPT_OUT_SIGNALS")
        directives = settings.getlist("OPT_OUT_DIRECTIVES") if ROBOTS_TAG in signals else []
        self.robots_tag = OptOut(directives, str(settings["USER_AGENT"]))
        self.preferences = Preferences(signals)
        self.tdmrep = TDMREP in signals

    def signal(self, values: Callable[[bytes], Sequence[str]]) -> str | None:
        """Return the signal by which a response opts out; None if it does not.

        *values*: returns the values of a header, whose name is in lower case.
        """
        if self.robots_tag.applies(values(b"x-robots-tag")):
            return ROBOTS_TAG
        for field in self.preferences.uses:
            lines = ", ".join(values(field.encode()))
            if lines and (signal := self.preferences.signal(field, lines)):
                return signal
        if self.tdmrep and any(value.strip() == "1" for value in values(RESERVATION)):
            return TDMREP
        return None
