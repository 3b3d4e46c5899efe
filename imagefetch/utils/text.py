"""Sanitizes untrusted text for logs, terminals and tables."""

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
    "SanitizingFormatter",
    "escape",
    "hide_credentials",
    "hide_credentials_of",
    "hide_in_tracebacks",
    "unescape",
]

# C0 except the tab, DEL and C1, which terminals interpret; line and paragraph separators,
# which some programs take as line ends; bidirectional controls; surrogates, which UTF-8
# can't encode.
CONTROL = (
    r"\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069"
    r"\ud800-\udfff"
)
_NEEDS_ESCAPE = re.compile(rf"[{CONTROL}]|\\u[0-9a-f]{{4}}")
_ESCAPED = re.compile(rf"[{CONTROL}\\]")
_ESCAPE = re.compile(r"\\u([0-9a-f]{4})")


def escape(text: str, also: str = "") -> str:
    r"""Escape control characters of *text*, and the characters in *also*, as in JSON: ``\u001b``.

    If *text* contains any of them, or such an escape, backslashes are escaped as well, so
    that `unescape` restores every text.
    """
    if not also and _NEEDS_ESCAPE.search(text) is None:
        return text
    escaped = re.compile(rf"[{CONTROL}\\{re.escape(also)}]") if also else _ESCAPED
    return escaped.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def unescape(text: str) -> str:
    """Undo `escape`."""
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)


class SanitizingFormatter(logging.Formatter):
    """Sanitizes records, tracebacks included, and formats them with *inner*.

    Line ends are kept: a record may have several lines. What *inner* itself adds, such as
    colours, is kept, too.
    """

    def __init__(self, inner: logging.Formatter | None) -> None:
        super().__init__()
        self.inner = inner or logging.Formatter()

    def format(self, record: logging.LogRecord) -> str:
        clean = copy(record)
        clean.msg, clean.args = _sanitized(record.getMessage()), ()
        if record.exc_info and not record.exc_text:
            clean.exc_text = self.inner.formatException(record.exc_info)
        clean.exc_text = clean.exc_text and _sanitized(clean.exc_text)
        clean.stack_info = clean.stack_info and _sanitized(clean.stack_info)
        return self.inner.format(clean)


def hide_in_tracebacks() -> None:
    """Sanitize the tracebacks of uncaught exceptions, in all threads."""

    def write(
        kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
    ) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        sys.stderr.write(_sanitized(text))

    def write_of_thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            write(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = write
    threading.excepthook = write_of_thread


def _sanitized(text: str) -> str:
    return "\n".join(escape(line) for line in hide_credentials(text).split("\n"))
