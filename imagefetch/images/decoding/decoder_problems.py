"""Tells images that Pillow does not support from damaged ones, by Pillow's errors."""

from __future__ import annotations

import re
from contextlib import suppress

from PIL import Image, UnidentifiedImageError

from imagefetch.images.bounded_bytes import Bytes, MalformedError, UnknownSizeError
from imagefetch.images.headers.web import jpeg_frame

UNSUPPORTED = "unsupported: "
"""Begins the problem with an image that may well be valid."""

# Pillow raises the same types of errors for both; its messages differ.
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|not implemented|unimplemented"
    r"|unknown (?:raw |pixel |TGA |PCX |image )?(?:mode|data organization|TGA|compression|format)|unable to determine \w+ image mode"
    r"|cannot handle|cannot load this image|unrecognized (?:raw )?mode|decoder \S+ not available"
    r"|cannot read this|no loader|cannot identify image",
    re.IGNORECASE,
)

PROCESSES = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}
"""Coding processes of JPEG that Pillow decodes: not the lossless and hierarchical ones."""

CURSOR_HEAD = 4_096
"""Bytes of a cursor that include the directory, and the signature of its first image."""


def problem_of(error: Exception, path: str, plugin: str) -> str:
    """Return the problem with the image at *path*, for which Pillow's *plugin* raised *error*."""
    if isinstance(error, UnidentifiedImageError):
        error = _cause(path, plugin) or error
    problem = f"{type(error).__name__}: {error}"
    if (
        isinstance(error, NotImplementedError)
        or _UNSUPPORTED.search(str(error))
        or _is_other_variant(path, plugin)
    ):
        return UNSUPPORTED + problem
    return problem


def _cause(path: str, plugin: str) -> Exception | None:
    """Return what the plugin itself raises; `Image.open` hides it."""
    factory, _ = Image.OPEN[plugin]
    try:
        with open(path, "rb") as file:
            factory(file, path)
    except Exception as error:
        return error
    return None


def _is_other_variant(path: str, plugin: str) -> bool:
    """Return whether the image is in a variant for which Pillow raises the errors of a damaged
    one: a JPEG of a rare process, a cursor of PNG."""
    with open(path, "rb") as file, suppress(MalformedError, UnknownSizeError):
        if plugin == "JPEG":
            return jpeg_frame(Bytes(file)).process not in PROCESSES
        return plugin == "CUR" and b"\x89PNG\r\n\x1a\n" in file.read(CURSOR_HEAD)
    return False
