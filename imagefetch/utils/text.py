"""Text from strangers, made harmless to whoever reads it: in a log, on a terminal, in a table."""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from copy import copy
from types import TracebackType

from imagefetch.utils.redaction import hide_credentials, hide_credentials_of

__all__ = [
    "HarmlessFormatter",
    "escape",
    "hide_credentials",
    "hide_credentials_of",
    "hide_in_tracebacks",
    "unescape",
]

# C0 but for the tab, DEL and C1, which a terminal obeys; separators, which some
# programs take for a line's end; marks that turn the direction of writing;
# surrogates, which UTF-8 can't write.
CONTROL = (
    r"\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff"
)
_NEEDS_ESCAPE = re.compile(rf"[{CONTROL}]|\\u[0-9a-f]{{4}}")
_ESCAPED = re.compile(rf"[{CONTROL}\\]")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")


def escape(text: str, also: str = "") -> str:
    r"""Write control characters of *text*, and those in *also*, as JSON does: ``\u001b``.

    Where there are any, or what looks like one so written, backslashes are
    written so too: `unescape` gives *text* back, whatever it was.
    """
    if not also and _NEEDS_ESCAPE.search(text) is None:
        return text
    escaped = re.compile(rf"[{CONTROL}\\{re.escape(also)}]") if also else _ESCAPED
    return escaped.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """Undo `escape`."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


class HarmlessFormatter(logging.Formatter):
    """Lets another formatter write records that were made harmless, tracebacks included.

    Line ends stay: a record may have several lines. What the other adds itself,
    as colours, stays too.
    """

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        clean = copy(record)
        clean.msg, clean.args = _harmless(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            clean.exc_text = self.inner.formatException(record.exc_info)
        clean.exc_text = clean.exc_text and _harmless(clean.exc_text)
        clean.stack_info = clean.stack_info and _harmless(clean.stack_info)
        return self.inner.format(clean)


def hide_in_tracebacks() -> None:
    """Let tracebacks of errors that nobody catches, in any thread, be written harmless."""

    def write(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(_harmless(told))

    def write_of_thread(told: threading.ExceptHookArgs) -> None:
        if told.exc_type is not SystemExit:
            write(told.exc_type, told.exc_value, told.exc_traceback)

    sys.excepthook = write
    threading.excepthook = write_of_thread


def _harmless(text: str) -> str:
    return "\n".join(escape(line) for line in hide_credentials(text).split("\n"))
