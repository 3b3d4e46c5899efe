"""Tells what a body that is not an image is, so that a run can count it."""

from __future__ import annotations

import re
from typing import NamedTuple


class Kind(NamedTuple):
    """A kind of file, for a sentence about one and about several."""

    one: str
    several: str

    def sentence(self, number: int) -> str:
        """Return a sentence without its end: ``37 are HTML pages``."""
        return f"1 is {self.one}" if number == 1 else f"{number:,} are {self.several}"


KINDS = {
    "html": Kind("an HTML page", "HTML pages"),
    "json": Kind("a JSON document", "JSON documents"),
    "xml": Kind("an XML document", "XML documents"),
    "pdf": Kind("a PDF", "PDFs"),
    "postscript": Kind("a PostScript document", "PostScript documents"),
    "office": Kind("an office document", "office documents"),
    "video": Kind("a video", "videos"),
    "audio": Kind("an audio file", "audio files"),
    "font": Kind("a font", "fonts"),
    "archive": Kind("an archive", "archives"),
    "program": Kind("a program", "programs"),
    "text": Kind("plain text", "plain text"),
    "data": Kind("data of an unknown kind", "data of an unknown kind"),
}
"""Every kind by its name."""

# Sources: https://mimesniff.spec.whatwg.org/, and the formats' own specifications.
_SIGNATURES = tuple(
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("pdf", rb".{0,1000}?%PDF-"),
        ("postscript", rb"%!PS|\xc5\xd0\xd3\xc6"),
        (
            "office",
            rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1|\{\\rtf|PK\x03\x04.{26}(?:mimetype|\[Content_Types)",
        ),
        ("video", rb".{4}ftyp|.{4}(?:moov|mdat|wide|free|skip)|\x1aE\xdf\xa3|RIFF.{4}AVI |FLV\x01"),
        ("video", rb"\0\0\x01[\xb0-\xbf\0]|0&\xb2u\x8ef\xcf\x11|G.{187}G|\x8aMNG|#EXTM3U|[FC]WS"),
        ("video", rb".{4}[\x11\x12]\xaf.{8}[\0\x03]\0|\0\0\0\x0cjP"),
        (
            "audio",
            rb"ID3|\xff[\xe2-\xe7\xf2-\xfd]|fLaC|OggS|RIFF.{4}WAVE|MThd|FORM.{4}AIF|#!AMR|\.snd",
        ),
        ("font", rb"\0\x01\0\0[\0-\x01].|OTTO|ttcf|wOF[F2]|true\0|typ1\0|.{34}LP"),
        (
            "archive",
            rb"PK(?:\x03\x04|\x05\x06|\x07\x08)|\x1f[\x8b\x9d\xa0]|BZh|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|Rar!",
        ),
        ("archive", rb"\x28\xb5\x2f\xfd|.{257}ustar|!<arch>|MSCF|xar!|LZIP|\x04\x22\x4d\x18"),
        ("program", rb"\x7fELF|MZ.{58}|[\xca\xcf\xce]\xfa[\xed\xba]\xfe|\xfe\xed\xfa|\0asm|#!"),
    )
)

_XML = re.compile(
    r"(?>(?:<\?.*?\?>|<!--.*?-->|<!doctype(?!\s+html)[^>\[]*(?:\[[^\]]*\]\s*)?>|\s)*)",
    re.DOTALL | re.I,
)
_HTML = re.compile(
    r"<(?:!doctype\s+html|html|head|body|title|script|style|meta|link|base|iframe|table|div|span"
    r"|h[1-6]|p|a|b|br|font|center|img|ul|form|noscript|frameset)(?=[\s>/])",
    re.IGNORECASE,
)
_JSON = re.compile(r"[\[{]\s*(?:[\[{\"\]}\d-]|true|false|null)|\"[^\"]*\"\s*$")
_BINARY = re.compile(r"[\0-\x08\x0e-\x1a\x1c-\x1f]")

KIND_HEAD = 2**15
"""Maximum bytes of a text that are looked at."""

MARKS = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def kind_of(head: bytes) -> str:
    """Return the kind of a file that begins with *head* and is no image: a key of `KINDS`."""
    for kind, signature in _SIGNATURES:
        if signature.match(head):
            return kind
    encoding = next((name for mark, name in MARKS if head.startswith(mark)), "utf-8")
    text = head[:KIND_HEAD].decode(encoding, "replace").lstrip("\ufeff \t\r\n")
    if _BINARY.search(text) or text.count("\ufffd") > len(text) // 4:
        return "data"
    after = _XML.match(text)
    rest = text[after.end() :] if after else text
    if _HTML.match(rest):
        return "html"
    if rest != text or text.startswith("<"):
        return "xml" if rest.startswith("<") or text.startswith("<?") else "html"
    return "json" if _JSON.match(text) else "text"
