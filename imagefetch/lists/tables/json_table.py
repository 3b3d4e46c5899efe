"""Reads JSON Lines, an object on each line, and JSON arrays of objects. Their keys are columns.

A string instead of an object is a URL.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import IO, Any

from imagefetch.lists.tables.records import LOOKED_AT, RECORD_MAX, Broken, column_names

CHUNK = 2**16
"""Characters of an array that are read at a time."""

URL = "url"
"""Column of strings."""

_DECODER = json.JSONDecoder()
_WORDS = {None: "", True: "true", False: "false"}
_OUTSIDE = re.compile(r'["\[\]{},]')
_INSIDE = re.compile(r'["\\]')


class JsonRecords:
    """The records of a file of JSON; keys that none of the first ones has are left out."""

    def __init__(self, file: IO[str]) -> None:
        first = file.read(1)
        while first.isspace():
            first = file.read(1)
        texts = elements(file) if first == "[" else lines(file, first)
        self._first = [_object(text) for text in itertools.islice(texts, LOOKED_AT)]
        self._others = map(_object, texts)
        objects = [record for record in self._first if not isinstance(record, Broken)]
        self._keys = tuple(dict.fromkeys(itertools.chain.from_iterable(objects)))
        self.names = column_names(self._keys)
        self.left_out = 0

    def __iter__(self) -> Iterator[list[str] | Broken]:
        known = set(self._keys)
        for record in itertools.chain(self._first, self._others):
            if isinstance(record, Broken):
                yield record
            else:
                self.left_out += not record.keys() <= known
                yield [record.get(key, "") for key in self._keys]


def lines(file: IO[str], begun: str) -> Iterator[str]:
    """Yield the lines that are not blank; of one that is too long, a part. *begun*: the beginning
    of the first."""
    while line := begun + file.readline(RECORD_MAX - len(begun)):
        begun, part = "", line
        while len(part) == RECORD_MAX and part[-1] != "\n":
            part = file.readline(RECORD_MAX)
        if line.strip():
            yield line


def elements(file: IO[str]) -> Iterator[str]:
    """Yield the text of each element of an array, of which ``[`` was read; of one that is too
    long, a part.

    :raises EOFError: if the array does not end
    """
    text, depth, in_string, escaped = "", 1, False, False
    while chunk := file.read(CHUNK):
        begin = position = 0
        while depth:
            position += escaped
            found = (_INSIDE if in_string else _OUTSIDE).search(chunk, position)
            if found is None:
                escaped = escaped and position > len(chunk)
                break
            mark, position, escaped = found[0], found.end(), False
            if mark == "\\":
                escaped = True
            elif mark == '"':
                in_string = not in_string
            elif mark in "[{":
                depth += 1
            elif mark in "]}":
                depth -= 1
            if depth == 0 or (mark == "," and depth == 1):
                text += chunk[begin : position - 1]
                if text.strip():
                    yield text.strip()
                text, begin = "", position
        if depth == 0:
            return
        text = (text + chunk[begin:])[: RECORD_MAX + 1]
    raise EOFError("the JSON array does not end")


def _object(text: str) -> dict[str, str] | Broken:
    """Return the text of each value of the object *text*: of a string its content, of null
    nothing, of others what is written."""
    if len(text) >= RECORD_MAX:
        return Broken(text)
    try:
        values = json.loads(text)
        if isinstance(values, str):
            values = {URL: values}
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
    while text[position := _skip(text, position, ",")] == '"':
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
