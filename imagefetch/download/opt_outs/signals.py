"""Names the signals by which a host opts out: the values of OPT_OUT_SIGNALS.

A signal that distinguishes uses has a name for each, after a colon: ``content-usage:train-ai`` is
a preference against training.
"""

from __future__ import annotations

ROBOTS_TAG = "x-robots-tag"
CONTENT_SIGNAL = "content-signal"
CONTENT_USAGE = "content-usage"
TDMREP = "tdmrep"

USES: dict[str, tuple[str, ...]] = {
    CONTENT_SIGNAL: ("ai-train", "ai-input", "search"),
    CONTENT_USAGE: ("train-ai", "search"),
}
"""Uses that are distinguished, by the field's name."""

SIGNALS = (
    ROBOTS_TAG,
    *(f"{field}:{use}" for field, uses in USES.items() for use in uses),
    TDMREP,
)
