"""The process in which a run's page is made, so that neither its work nor a picture
holds the run up.

Reads a JSON array a line from standard input, and writes one JSON value a line:
``["thumbnail", path, plugin]`` is answered by a small JPEG in Base64, empty if
there can be none; ``["page", facts, path]`` by an empty string once the page is
in its place, else by what went wrong. Arguments: most pixels; most seconds for
a picture, of which a page may take `PAGE` times as many.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from imagefetch.decoder import alarm, confine
from imagefetch.page import render
from imagefetch.page_file import put
from imagefetch.thumbnails import thumbnail

PAGE = 6


def answer(question: list[Any], limit: int) -> str:
    """Return the answer to *question*, as the module's docstring says."""
    kind, *rest = question
    if kind == "thumbnail":
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
    confine(limit)
    for line in sys.stdin:
        question = json.loads(line)
        alarm(patience * (PAGE if question[0] == "page" else 1))
        text = answer(question, limit)
        alarm(0)
        sys.stdout.write(json.dumps(text) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
