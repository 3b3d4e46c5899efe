"""Tells images that Pillow does not support from damaged ones, by Pillow's errors."""

from __future__ import annotations

import re

UNSUPPORTED = "unsupported: "
"""Begins the problem with an image that may well be valid."""

# Pillow raises the same types of errors for both; its messages differ.
_UNSUPPORTED = re.compile(
    r"unsupported|not supported|not implemented|unimplemented|unknown (?:raw |pixel |TGA |image )?"
    r"(?:mode|data organization|TGA|compression|format)|unable to determine \w+ image mode"
    r"|cannot handle|cannot load this image|unrecognized (?:raw )?mode|decoder \S+ not available"
    r"|cannot read this|no loader|cannot identify image",
    re.IGNORECASE,
)


def problem_of(error: Exception, path: str, plugin: str) -> str:
    """Return the problem with the image at *path*, for which Pillow's *plugin* raised *error*."""
    from PIL import UnidentifiedImageError  # imported here: most runs decode nothing

    if isinstance(error, UnidentifiedImageError):
        error = _cause(path, plugin) or error
    problem = f"{type(error).__name__}: {error}"
    if isinstance(error, NotImplementedError) or _UNSUPPORTED.search(str(error)):
        return UNSUPPORTED + problem
    return problem


def _cause(path: str, plugin: str) -> Exception | None:
    """Return what the plugin itself raises; `Image.open` hides it."""
    from PIL import Image

    factory, _ = Image.OPEN[plugin]
    try:
        with open(path, "rb") as file:
            factory(file, path)
    except Exception as error:
        return error
    return None
