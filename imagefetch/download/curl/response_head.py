"""Parses the status line and the headers of a response, as libcurl passes them on."""

from __future__ import annotations

from collections.abc import Sequence

MAX_LENGTH = 2**63 - 1  # bytes; libcurl ignores a Content-Length beyond


class Head:
    """The status line and the headers of a final response."""

    __slots__ = ("_values", "bad", "chunked", "fields", "length", "protocol", "status", "unframed")

    def __init__(self, lines: Sequence[bytes]) -> None:
        """*lines*: the status line, then each header with its line end."""
        self.protocol = lines[0].split(None, 1)[0].decode("latin-1").upper()
        self.status = status_of(lines[0])
        self.fields: list[tuple[bytes, bytes]] = []
        """Names and values as sent, in their order."""
        self._values: dict[bytes, list[bytes]] = {}
        self.length: int | None = None
        """Bytes of the body as sent; None if the headers don't tell."""
        self.chunked = False
        self.bad = False
        """Whether the headers contradict each other about where the body ends."""
        self.unframed = False
        """Whether libcurl does not know `length`, so that it would wait for the connection's
        end: the header has blanks before its colon, or is beside a Transfer-Encoding of
        "identity"."""
        padded = self._parse(lines)
        if "chunked" in self.words(b"transfer-encoding"):
            self.chunked = True  # a Content-Length does not count (RFC 9112, section 6.3)
            self.bad = b"transfer-encoding" in padded  # libcurl does not decode it
        elif b"content-length" in self._values:
            lengths = self._values[b"content-length"]
            is_plain = len(lengths) == 1 and len(lengths[0]) < 19 and lengths[0].isdigit()
            self.length = int(lengths[0]) if is_plain else _length_of(self.words(b"content-length"))
            self.bad = self.length is None
            self.unframed = b"transfer-encoding" in self._values or b"content-length" in padded

    def _parse(self, lines: Sequence[bytes]) -> set[bytes]:
        """Set `fields`; return the names that have blanks before their colon, in lower case."""
        padded = set()
        for line in lines[1:]:
            if line[:1] in b" \t" and self.fields:  # continues the line before
                name, value = self.fields.pop()
                self.fields.append((name, (value + b" " + line.strip()).strip()))
                continue
            name, _, value = line.partition(b":")
            if stripped := name.strip():
                self.fields.append((stripped, value.strip()))
                if stripped != name:
                    padded.add(stripped.lower())
        for name, value in self.fields:
            self._values.setdefault(name.lower(), []).append(value)
        return padded

    @property
    def keeps_connection(self) -> bool:
        """Whether the connection may be used again, by the headers."""
        if self.protocol != "HTTP/1.1" or "close" in self.words(b"connection"):
            return False
        return self.chunked or self.length is not None

    def values(self, name: bytes) -> list[str]:
        """Return the values of a header; *name* in lower case."""
        return [value.decode("latin-1") for value in self._values.get(name, ())]

    def words(self, name: bytes) -> list[str]:
        """Return the members of a header that is a list, in lower case."""
        if name not in self._values:
            return []
        text = ",".join(self.values(name)).lower()
        return [word for part in text.split(",") if (word := part.strip())]


def status_of(line: bytes) -> int:
    """Return the status of a status line, as libcurl reads it; 0 if it has none."""
    digits = line.partition(b"/")[2].lstrip(b"0123456789.").lstrip()[:3]
    return int(digits) if digits.isdigit() else 0


def _length_of(words: list[str]) -> int | None:
    """Return the length that all *words* mean; None if they differ, or are no lengths."""
    lengths = {word.removeprefix("+").lstrip("0") or "0" for word in words}
    text = lengths.pop() if len(lengths) == 1 else ""
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) > MAX_LENGTH:
        return None
    return int(text)
