"""Validates settings that are sent as HTTP headers."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from imagefetch.config.rules.setting_values import Table, Text
from imagefetch.errors import BadInput
from imagefetch.utils.redaction import HIDDEN, is_secret

PRINTABLE = re.compile(r"[\x20-\x7e\xa0-\xff]*")

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
TOKEN_ALLOWED = "ASCII letters, digits and - _ . ! # $ % & ' * + ^ ` | ~"

HOST_NAME = re.compile(r"[^\s/:@]+|\[[0-9A-Fa-f:.]+\]")

FRAMING = frozenset({"content-length", "transfer-encoding"})


class HeaderText(Text):
    """Text that may be sent as a header field value (RFC 9110, section 5.5)."""

    allowed: str = "text of printable Latin-1 characters, and not empty"

    def read(self, value: Any) -> Any:
        if PRINTABLE.fullmatch(super().read(value)) is None:
            raise ValueError
        return value


class Headers(Table):
    """A dictionary of request headers."""

    def read(self, value: Any) -> Any:
        """Return *value*.

        :raises BadInput: naming the header that can't be sent
        """
        table = json.loads(value) if isinstance(value, str) else dict(value)
        for header, values in dict(table).items():
            key = f"[{header!r}]"
            if not isinstance(header, str) or not TOKEN.fullmatch(header):
                raise BadInput(f"{key}: the name must be made of {TOKEN_ALLOWED}")
            if header.lower() in FRAMING:
                raise BadInput(f"{key}: must not be set; it defines the length of the request")
            for each in values if isinstance(values, list | tuple) else [values]:
                if not _can_be_sent(each):
                    shown = HIDDEN if is_secret(header) else repr(each)
                    raise BadInput(f"{key} = {shown}: must be text of printable Latin-1 characters")
        return value


class HostHeaders(Table):
    """A dictionary of request headers for each host."""

    allowed: str = 'a dictionary, or JSON for one: {"cdn.example": {"Name": "value"}}'

    def read(self, value: Any) -> Any:
        """Return *value*.

        :raises BadInput: naming the host and the header that can't be sent
        """
        table = json.loads(value) if isinstance(value, str) else dict(value)
        if not isinstance(table, dict):
            raise TypeError
        for host, headers in table.items():
            if not isinstance(host, str) or not HOST_NAME.fullmatch(host):
                raise BadInput(f"[{host!r}]: must be the name of a host, without scheme and port")
            if not isinstance(headers, dict):
                raise BadInput(f"[{host!r}]: must be a dictionary of headers")
            try:
                Headers().read(headers)
            except BadInput as error:
                raise BadInput(f"[{host!r}]{error}") from error
        return value


class Referer:
    """The URL of a page, or empty."""

    allowed: str = "the http or https address of a page, without user and password, or empty"

    def read(self, value: Any) -> str:
        text = str(value).strip()
        parts = urlsplit(text)
        is_page = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
        if text and not (is_page and PRINTABLE.fullmatch(text)):
            raise ValueError
        return text.partition("#")[0]


def _can_be_sent(value: object) -> bool:
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    if isinstance(value, str):
        return PRINTABLE.fullmatch(value) is not None
    return value is None or isinstance(value, int)
