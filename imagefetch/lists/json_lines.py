"""Reads JSON Lines: an object on each line. Its keys are the columns."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import IO, Any

from imagefetch.lists.records import RECORD_MAX, Broken

LOOKED_AT = 100
"""Records whose keys become the columns; other keys of later records are left out."""

_DECODER = json.JSONDecoder()
_WORDS = {None: "", True: "true", False: "false"}


class JsonRecords:
    """The records of a file of JSON Lines."""

    def __init__(self, file: IO[str]) -> None:
        texts = _lines(file)
        self._first = [_object(text) for text in itertools.islice(texts, LOOKED_AT)]
        self._others = map(_object, texts)
        objects = [record for record in self._first if not isinstance(record, Broken)]
        self.names = tuple(dict.fromkeys(itertools.chain.from_iterable(objects)))

    def __iter__(self) -> Iterator[list[str] | Broken]:
        for record in itertools.chain(self._first, self._others):
            if isinstance(record, Broken):
                yield record
            else:
                yield [record.get(name, "") for name in self.names]


def _lines(file: IO[str]) -> Iterator[str]:
    """Yield the lines that are not blank; of one that is too long, a part."""
    while line := file.readline(RECORD_MAX):
        part = line
        while len(part) == RECORD_MAX and part[-1] != "\n":
            part = file.readline(RECORD_MAX)
        if line.strip():
            yield line


def _object(text: str) -> dict[str, str] | Broken:
    """Return the text of each value of the object *text*: of a string its content, of null
    nothing, of others what is written."""
    try:
        values = json.loads(text)
        if not isinstance(values, dict):
            return Broken(text)
        texts: dict[str, str] = {}
        for name, value in values.items():
            if (simple := _text(value)) is None:
                texts = _verbatim(text)
                break
            texts[name] = simple
        if "\\u" in text:
            "".join(itertools.chain(texts, texts.values())).encode()
    except (ValueError, RecursionError):  # UnicodeEncodeError, of half a surrogate pair, is one
        return Broken(text)
    return texts


def _text(value: Any) -> str | None:
    """Return the text of a value; None if it must be taken from the list."""
    if isinstance(value, str):
        return value
    return _WORDS[value] if value is None or isinstance(value, bool) else None


def _verbatim(text: str) -> dict[str, str]:
    """Return the values of the object *text*, which is valid, those that are no strings as they
    are written."""
    texts: dict[str, str] = {}
    position = text.index("{") + 1
    while (position := _skip(text, position, ",")) < len(text) and text[position] == '"':
        name, position = _DECODER.raw_decode(text, position)
        begin = _skip(text, position, ":")
        value, position = _DECODER.raw_decode(text, begin)
        simple = _text(value)
        texts[name] = text[begin:position] if simple is None else simple
    return texts


def _skip(text: str, position: int, mark: str) -> int:
    """Return the position after white space and *mark*."""
    while text[position] in " \t\r\n" or text[position] == mark:
        position += 1
    return position
