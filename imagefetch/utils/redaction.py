"""Replaces credentials within text by ``***``.

When in doubt, text is replaced: a false positive costs little, a password in a log stays there.
"""

from __future__ import annotations

import re

HIDDEN = "***"

# Delimiters, literal or percent-encoded once or more, as in a URL within a URL.
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

# Matches names of settings, headers and parameters whose values are secrets.
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
    # A parameter in a query string or a fragment.
    (
        re.compile(
            r"(?:[?&;#]|%(?:25){0,8}(?:3[FfBb]|26|23))(?P<name>[\w.~\[\]-]{1,60})"
            r"(?:=|%(?:25){0,8}3[Dd])"
        ),
        re.compile(r"[^&;#\s'\"<>]+"),
    ),
    # An entry of a Python dictionary or a JSON object.
    (
        re.compile(r"b?(?P<quote>['\"])(?P<name>[\w.-]{1,60})(?P=quote)\s{0,9}[:=]\s{0,9}"),
        re.compile(_VALUE),
    ),
    # A Python tuple of name and value.
    (
        re.compile(r"\(b?(?P<quote>['\"])(?P<name>[\w.-]{1,60})(?P=quote),\s{0,9}"),
        re.compile(_VALUE),
    ),
    # An assignment.
    (re.compile(r"(?<![\w.?&;#-])(?P<name>[A-Za-z_][\w.-]{0,60})\s?=\s?"), re.compile(_VALUE)),
    # A raw header, and the signatures that botocore logs.
    (
        re.compile(
            r"(?<![\w-])(?P<name>(?:proxy-)?authorization|(?:set-)?cookie2?|signature"
            r"|passw(?:or)?d|x-[\w-]{1,60})\s?:\s?",
            re.I,
        ),
        re.compile(r"[^\n'\"\[{]+"),
    ),
)
"""Pairs of patterns: a name with its delimiter, and the value that follows."""

_PLAIN = re.compile(r"(?:True|False|None|true|false|null)(?!\w)")


def is_secret(name: str) -> bool:
    """Return whether a setting, header or parameter called *name* holds a secret."""
    return _SECRET_NAME.search(name) is not None and not _NO_SECRET_NAME.search(name)


def hide_credentials(text: str) -> str:
    """Replace the user and password of each URL in *text*, malformed ones included, and the
    values of parameters, headers and settings whose name `is_secret`."""
    if _AT_SIGN.search(text):
        text = _QUOTED_URL.sub(lambda match: _without_user(match[0]), text)
        text = _WORD.sub(lambda match: _without_user(match[0]), text)
    if _SECRET_NAME.search(text):
        for name, value in _NAMED:
            text = _without_values(text, name, value)
    return text


def hide_credentials_of(url: str) -> str:
    """Replace credentials in *url*: a single URL, which may contain blanks."""
    return hide_credentials(_without_user(url))


def _without_values(text: str, name: re.Pattern[str], value: re.Pattern[str]) -> str:
    """Replace each match of *value* in *text* that follows the *name* of a secret."""
    pieces: list[str] = []
    position = done = 0
    while head := name.search(text, position):
        position = head.end()
        if not is_secret(head["name"]) or _PLAIN.match(text, position):
            continue
        if secret := value.match(text, position):
            pieces += [text[done:position], HIDDEN]
            position = done = secret.end()
    return "".join(pieces) + text[done:]


def _without_user(url: str) -> str:
    """Replace the part of *url* that may be its user and password.

    Passwords may contain any character, so that part ends at the last ``@``. It begins at an
    authority that contains a colon or an ``@``, or at a word that is followed by a colon.
    """
    ats = [match.span() for match in _AT_SIGN.finditer(url)]
    if not ats:
        return url
    last, end = ats[-1]
    begins = _in_authority(url, ats[0][0], last), _before_colon(url, last)
    begin = min((each for each in begins if each is not None), default=None)
    return url if begin is None else f"{url[:begin]}{HIDDEN}@{url[end:]}"


def _in_authority(url: str, first: int, last: int) -> int | None:
    """Return the position of the first authority with credentials; None if there is none.

    *first* and *last* are the positions of the first and the last ``@``.
    """
    for slashes in _SLASHES.finditer(url, 0, last):
        begin = slashes.end()
        match = _AUTHORITY_END.search(url, begin, last)
        end = match.start() if match else last
        if begin <= first <= end or _COLONS.search(url, begin, end):
            return begin
    return None


def _before_colon(url: str, last: int) -> int | None:
    """Return the position of the first word that is followed by a colon and not by ``://``."""
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
