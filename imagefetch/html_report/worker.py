"""The process in which a run's page is made, so that neither its work nor a picture
holds the run up.

Reads a JSON array a line from standard input, and writes one JSON value a line:
``["thumbnail", path, plugin]`` is answered by a small JPEG in Base64, empty if
there can be none; ``["page", facts, path]`` by an empty string once the page is
in its place, else by what went wrong. Arguments: most pixels; most seconds for
a picture, of which a page may take `PAGE` times as many. If the run's process
ends without having said so, the page does.
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
from imagefetch.images.decoder_memory import allow_pixels
from imagefetch.images.decoder_worker import alarm, confine
from imagefetch.images.thumbnails import MEMORY, thumbnail
from imagefetch.output.page_file import put

PAGE = 6

KILLED = "killed"
"""Why a run ended whose process is gone: by a signal, a crash, Ctrl-C a second time."""


def answer(question: list[Any], limit: int) -> str:
    """Return the answer to *question*, as the module's docstring says."""
    kind, *rest = question
    if kind == "thumbnail":
        allow_pixels(limit, rest[1], MEMORY)
        try:
            return base64.b64encode(thumbnail(Path(rest[0]), rest[1], limit)).decode()
        except MemoryError:
            raise
        except Exception:
            return ""
    try:
        put(Path(rest[1]), render(rest[0]))
    except OSError as error:
        return error.strerror or str(error)
    except Exception as error:
        return f"error in the program: {type(error).__name__}: {error}"
    return ""


def main() -> None:
    limit, patience = int(sys.argv[1]), int(sys.argv[2])
    confine(limit, MEMORY)
    page: list[Any] | None = None  # the last question for one
    for line in sys.stdin:
        question = json.loads(line)
        if question[0] == "page":
            page = question
        alarm(patience * (PAGE if question[0] == "page" else 1))
        text = answer(question, limit)
        alarm(0)
        with suppress(BrokenPipeError):  # it is gone, as the next line will tell
            sys.stdout.write(json.dumps(text) + "\n")
            sys.stdout.flush()
    if page is not None and page[1]["about"]["ended"] is None:
        page[1]["about"] |= {"ended": time.time(), "reason": KILLED}
        alarm(patience * PAGE)
        answer(page, limit)


if __name__ == "__main__":
    main()
