"""Renders the HTML report and its thumbnails in a subprocess, so that they can't block the run.

Reads one JSON array per line from standard input, and writes one JSON string per line:
for ``["thumbnail", path, plugin]`` a small JPEG in Base64, empty if there can be none; for
``["turned", path, plugin]`` "yes" if the image is stored on its side, else an empty string; for
``["page", facts, path]`` an empty string once the page is written, else the error.
Arguments: most pixels of an image; timeout for a thumbnail, seconds. The timeout for a page is
`PAGE_FACTOR` times as long. If the run's process dies, this one marks the page as ended.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagefetch.html_report.render import render
from imagefetch.images.decoding.decoder_memory import allow_pixels
from imagefetch.images.decoding.decoder_worker import alarm, confine
from imagefetch.images.decoding.thumbnails import MEMORY, is_turned, thumbnail
from imagefetch.output.page_file import put

PAGE_FACTOR = 6
"""Timeout for a page, in timeouts for a thumbnail."""

KILLED = "killed"
"""Reason of a run whose process died: by a signal, a crash, a second Ctrl-C."""


def respond(request: list[Any], limit: int) -> str:
    """Return the response to *request*; see the module's docstring."""
    kind, *arguments = request
    if kind in {"thumbnail", "turned"}:
        path, plugin = arguments
        allow_pixels(limit, plugin, MEMORY)
        try:
            if kind == "turned":
                return "yes" if is_turned(Path(path), plugin) else ""
            return base64.b64encode(thumbnail(Path(path), plugin, limit)).decode()
        except MemoryError:
            raise
        except Exception:
            return ""
    try:
        put(Path(arguments[1]), render(arguments[0]))
    except OSError as error:
        return error.strerror or str(error)
    except Exception as error:
        return f"internal error: {type(error).__name__}: {error}"
    return ""


def main() -> None:
    limit, timeout = int(sys.argv[1]), int(sys.argv[2])
    confine(limit, MEMORY)
    page: list[Any] | None = None  # the last request for a page
    for line in sys.stdin:
        request = json.loads(line)
        if request[0] == "page":
            page = request
        alarm(timeout * (PAGE_FACTOR if request[0] == "page" else 1))
        response = respond(request, limit)
        alarm(0)
        with suppress(BrokenPipeError):  # the run is gone: standard input ends, too
            sys.stdout.write(json.dumps(response) + "\n")
            sys.stdout.flush()
    if page is not None and page[1]["run"]["ended"] is None:
        page[1]["run"] |= {"ended": time.time(), "reason": KILLED}
        alarm(timeout * PAGE_FACTOR)
        respond(page, limit)


if __name__ == "__main__":
    main()
