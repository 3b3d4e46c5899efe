"""Lists that are no files, kept beside the report so that going on reads the same lines."""

from __future__ import annotations

import hashlib
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scrapy.settings import BaseSettings

from imagefetch.errors import BadInput
from imagefetch.places import shown
from imagefetch.shape import check_shape
from imagefetch.urls import check_list

logger = logging.getLogger(__name__)

STANDARD_INPUT = Path("-")


def spool_path(report: Path, address: str = "") -> Path:
    """Return where a list from *address*, or else standard input, is kept."""
    which = f".{hashlib.sha256(address.encode()).hexdigest()[:8]}" if address else ""
    return report.with_suffix(f"{which}.urls.txt")


def spool_standard_input(report: Path) -> Path:
    """Copy standard input beside *report*, and return the copy's path.

    Where nothing comes, an earlier copy is used.

    :raises BadInput: if it holds no list, or the copy can't be made
    """
    path = spool_path(report)
    head = sys.stdin.buffer.read(2**16)
    if head or not path.exists():
        with _copy_to(path, "standard input") as new, new.open("wb") as copy:
            copy.write(head)
            shutil.copyfileobj(sys.stdin.buffer, copy)
    return path


def spool_address(report: Path, address: str, settings: BaseSettings, *, anew: bool) -> Path:
    """Fetch the list at *address*, keep it beside *report*, and return the copy's path.

    An earlier copy is used unless a list is wanted *anew*.

    :raises BadInput: if it can't be fetched or kept, or is no list
    """
    path = spool_path(report, address)
    if anew or not path.exists():
        from imagefetch.remote_list import fetch_list  # what it needs, few runs do

        logger.info("Fetching the list %s", shown(address))
        with _copy_to(path, shown(address)) as new:
            fetch_list(address, new, settings)
    return path


@contextmanager
def _copy_to(path: Path, source: str) -> Iterator[Path]:
    """Let a copy of the list *source* be written; put it at *path* once it is whole.

    :raises BadInput: naming *source*, if it is no list, or *path*, if nothing can be kept there
    """
    # Renamed when whole: standard input may be an earlier copy itself.
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield new
        check_list(new)
        check_shape(new)
        new.replace(path)
    except BadInput as error:
        raise BadInput(str(error).replace(str(new), source)) from error
    except OSError as error:
        raise BadInput(f"{path}: can't keep {source} there: {error.strerror}") from error
    finally:
        if path.parent.is_dir():
            new.unlink(missing_ok=True)
