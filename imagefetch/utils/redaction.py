"""Credentials within text, replaced by ``***``: generously, since what is hidden in vain costs
little, and what is not hidden in a log stays there."""

from __future__ import annotations

import re

HIDDEN = "***"

# Delimiters, as they stand or percent-encoded once or more, as in a URL within a URL.
_AT = r"(?:[@\uff20]|%(?:25){0,8}40)"
_COLON = r"(?:[:\uff1a]|%(?:25){0,8}3[Aa])"
_SLASH = r"(?:[/\\\uff0f]|%(?:25){0,8}(?:2[Ff]|5[Cc]))"
_BEFORE_SLASHES = re.compile(rf"{_COLON}{_SLASH}{{2}}")

_WORD = re.compile(r"[^\t\n\v\f\r ]+")
_AT_SIGN = re.compile(_AT)
_SLASHES = re.compile(rf"{_SLASH}{{2,}}")
_AUTHORITY_END = re.compile(rf"[?#]|{_SLASH}")
_COLONS = re.compile(_COLON)
_SCHEME = re.compile(
    rf"(?:https?|ftps?|sftp|s3a?|gs|wss?|file|data|socks[45]?h?){_COLON}{_SLASH}*", re.I
)
_USER_BEGIN = re.compile(rf"[\s?#&=,;\"'<>()\[\]{{}}|]|{_SLASH}")

# Names of settings, headers and parameters whose value is a secret.
_SECRET_NAME = re.compile(
    r"pass(?:wor|wd|phr|code|(?![a-z]))|pwd|(?<![a-z])pw(?![a-z])|secret|token|credential|cookie"
    r"|authori[sz]ation|authenti|auth(?![a-z])|key(?:s|id)?(?![a-z])|signature"
    r"|(?<![a-z])(?:sig|jwt|bearer|sessionid|sid|dsn)(?![a-z])",
    re.I,
)

_NO_SECRET_NAME = re.compile(r"_(?:enabled|debug|encoding)$", re.I)

_STRING = r"b?(?:'(?:[^'\\\n]|\\.)*'|\"(?:[^\"\\\n]|\\.)*\")"
_FLAT = rf"[\[({{](?:{_STRING}|[^'\"\[\](){{}}])*[\])}}]"
_NESTED = rf"[\[({{](?:{_STRING}|{_FLAT}|[^'\"\[\](){{}}])*[\])}}]"
_VALUE = rf"{_STRING}(?:\s+{_STRING})*|{_NESTED}|b?['\"][^\n]*|[^\s,;&'\"<>\[\](){{}}]+"

_QUOTED_URL = re.compile(r"(?<=['\"])(?:[A-Za-z][\w+.-]{0,20}:)?[/\\]{2}[^'\"\n]+(?=['\"])")

_NAMED = (
    # A parameter of a query or a fragment.
    (
        re.compile(
            r"(?:[?&;#]|%(?:25){0,8}(?:3[FfBb]|26|23))(?P<name>[\w.~\[\]-]{1,60})"
            r"(?:=|%(?:25){0,8}3[Dd])"
        ),
        re.compile(r"[^&;#\s'\"<>]+"),
    ),
    # An entry of a dictionary as Python or JSON write it.
    (
        re.compile(r"b?(?P<quote>['\"])(?P<name>[\w.-]{1,60})(?P=quote)\s{0,9}[:=]\s{0,9}"),
        re.compile(_VALUE),
    ),
    # A pair.
    (
        re.compile(r"\(b?(?P<quote>['\"])(?P<name>[\w.-]{1,60})(?P=quote),\s{0,9}"),
        re.compile(_VALUE),
    ),
    # An assignment.
    (re.compile(r"(?<![\w.?&;#-])(?P<name>[A-Za-z_][\w.-]{0,60})\s?=\s?"), re.compile(_VALUE)),
    # A header as it is sent, and what botocore writes of its signatures.
    (
        re.compile(
            r"(?<![\w-])(?P<name>(?:proxy-)?authorization|(?:set-)?cookie2?|signature"
            r"|passw(?:or)?d|x-[\w-]{1,60})\s?:\s?",
            re.I,
        ),
        re.compile(r"[^\n'\"\[{]+"),
    ),
)
"""What a name is followed by, and what its value is."""

_PLAIN = re.compile(r"(?:True|False|None|true|false|null)(?!\w)")


def is_secret(name: str) -> bool:
    """Whether a setting, a header or a parameter called *name* holds a secret."""
    return _SECRET_NAME.search(name) is not None and not _NO_SECRET_NAME.search(name)


def hide_credentials(text: str) -> str:
    """Replace within *text* user and password of each URL, however it is written, and the values
    of parameters, headers and settings that `is_secret`."""
    if _AT_SIGN.search(text):
        text = _QUOTED_URL.sub(lambda match: _without_user(match[0]), text)
        text = _WORD.sub(lambda match: _without_user(match[0]), text)
    if _SECRET_NAME.search(text):
        for name, value in _NAMED:
            text = _without_values(text, name, value)
    return text


def hide_credentials_of(url: str) -> str:
    """Replace credentials in *url* as a whole, which may hold blanks, too."""
    return hide_credentials(_without_user(url))


def _without_values(text: str, name: re.Pattern[str], value: re.Pattern[str]) -> str:
    """Return *text* without what matches *value* behind a secret's *name*."""
    pieces: list[str] = []
    place = done = 0
    while head := name.search(text, place):
        place = head.end()
        if not is_secret(head["name"]) or _PLAIN.match(text, place):
            continue
        if found := value.match(text, place):
            pieces += [text[done:place], HIDDEN]
            place = done = found.end()
    return "".join(pieces) + text[done:]


def _without_user(url: str) -> str:
    """Return *url* without what may be its user and password.

    Passwords are written with any character in them, so they end at the last ``@``. They begin
    at an authority that has a colon or an ``@`` in it, or at a word that a colon follows.
    """
    ats = [match.span() for match in _AT_SIGN.finditer(url)]
    if not ats:
        return url
    last, end = ats[-1]
    begins = _in_authority(url, ats[0][0], last), _before_colon(url, last)
    begin = min((each for each in begins if each is not None), default=None)
    return url if begin is None else f"{url[:begin]}{HIDDEN}@{url[end:]}"


def _in_authority(url: str, first: int, last: int) -> int | None:
    """Return where an authority with credentials begins before *last*, the place of the last
    ``@``; *first* is that of the first one."""
    for slashes in _SLASHES.finditer(url, 0, last):
        begin = slashes.end()
        match = _AUTHORITY_END.search(url, begin, last)
        end = match.start() if match else last
        if begin <= first <= end or _COLONS.search(url, begin, end):
            return begin
    return None


def _before_colon(url: str, last: int) -> int | None:
    """Return where a word begins that a colon follows, other than that of ``scheme://``."""
    for colon in _COLONS.finditer(url, 0, last):
        if _BEFORE_SLASHES.match(url, colon.start()):
            continue
        begin = 0
        for match in _USER_BEGIN.finditer(url, 0, colon.start()):
            begin = match.end()
        if scheme := _SCHEME.match(url, begin):
            begin = scheme.end()
        return begin
    return None
