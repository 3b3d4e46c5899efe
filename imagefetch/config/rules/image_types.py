"""The rule for settings that list types of images, and the names by which types are given."""

from __future__ import annotations

from typing import Any

from imagefetch.config.rules.lists import read_list
from imagefetch.images.detection import FORMATS

ALIASES = {"jfif": "jpg", "jpe": "jpg", "pbm": "pnm", "pgm": "pnm", "ppm": "pnm", "x-icon": "ico"}
"""Other names of types: alias to the extension of the type that it stands for."""


def _type_names() -> dict[str, str]:
    """Return the media type for each name and extension by which it may be given."""
    names: dict[str, str] = {}
    for format_ in FORMATS:
        subtype = format_.media_type.partition("/")[2]
        for short in (subtype, subtype.split("+")[0], format_.extension.lstrip(".")):
            names.setdefault(short, format_.media_type)
    names |= {alias: names[short] for alias, short in ALIASES.items() if short in names}
    return names | {f"image/{short}": media_type for short, media_type in names.items()}


TYPE_NAMES = _type_names()


class Types:
    """A list of media types that the program knows, or their extensions."""

    allowed: str = "a list of types as the report names them, or of extensions: image/jpeg,png"

    def read(self, value: Any) -> list[str]:
        return [TYPE_NAMES[name.casefold().lstrip(".")] for name in read_list(value)]
