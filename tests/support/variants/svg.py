"""Variants of SVG documents, also compressed."""

from __future__ import annotations

import gzip

from tests.support.pictures import SVG_NAMESPACE

XML = '<?xml version="1.0"?>\n'
ROOT = f'<svg xmlns="{SVG_NAMESPACE}" width="40" height="30"/>'


def prefixed(prefix: str, more: str = "") -> str:
    return f'<{prefix}:svg {more} xmlns:{prefix}="{SVG_NAMESPACE}" width="40" height="30"/>'


MANY = " ".join(f"a{n}='b'" for n in range(300))


def in_encoding(name: str, words: str) -> bytes:
    return f'<?xml version="1.0" encoding="{name}"?><!-- {words} -->{ROOT}'.encode(name)


DRAWING = ROOT.encode()
SVGS: dict[str, bytes] = {
    "prefix": prefixed("x").encode(),
    "prefix, other default": prefixed("svg", 'xmlns="http://www.w3.org/1999/xhtml"').encode(),
    "prefix with a digit": (XML + prefixed("_1")).encode(),
    "comment of 100 KB": (XML + "<!--" + "a < b & c " * 10_000 + "-->" + ROOT).encode(),
    "comments of HTML": ("<!-- <html> <!DOCTYPE html> -->" * 300 + ROOT).encode(),
    "instructions": ("<?a b?>" * 200 + "<?php echo '<html>' ?>" + ROOT).encode(),
    "stylesheet": (XML + '<?xml-stylesheet href="a.css" type="text/css"?>' + ROOT).encode(),
    "XML 1.1": ROOT.join(['<?xml version="1.1"?>', ""]).encode(),
    "standalone": f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\r\n{ROOT}'.encode(),
    "document type": (
        XML + '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 20010904//EN" "http://a.example/a">' + ROOT
    ).encode(),
    "document type with a stop": f"<!DOCTYPE svg [<!ENTITY a '>'><!ENTITY b ']'>]>{ROOT}".encode(),
    "entity as namespace": (
        f'<!DOCTYPE svg [<!ENTITY ns "{SVG_NAMESPACE}">]><svg xmlns="&ns;" width="40" height="30"/>'
    ).encode(),
    "entity as width": f'<!DOCTYPE svg [<!ENTITY w "40">]>{ROOT.replace("40", "&w;", 1)}'.encode(),
    "references": ROOT.replace("40", "&#52;&#x30;").encode(),
    "character data": ROOT.replace("/>", "><![CDATA[ <html> ]]></svg>").encode(),
    "a tag of many lines": ROOT.replace(" ", "\r\n\t").encode(),
    "single quotes": ROOT.replace('"', "'").encode(),
    "blanks around =": ROOT.replace("=", " = ", 3).encode(),
    "a stop in a value": ROOT.replace("<svg", "<svg id='a>b'").encode(),
    "long value": ROOT.replace("<svg", f"<svg id='{'a' * 50_000}'").encode(),
    "300 attributes": ROOT.replace(" ", f" {MANY} ", 1).encode(),
    "UTF-16, little": (XML + ROOT).encode("utf-16"),
    "UTF-16, big": b"\xfe\xff" + (XML + ROOT).encode("utf-16-be"),
    "UTF-16 without mark, little": (
        f'<?xml version="1.0" encoding="UTF-16"?>{ROOT}'.encode("utf-16-le")
    ),
    "UTF-16 without mark, big": (
        f'<?xml version="1.0" encoding="UTF-16"?>{ROOT}'.encode("utf-16-be")
    ),
    "UTF-16 after a comment": ("<!--" + "名" * 40_000 + "-->" + ROOT).encode("utf-16"),
    "mark of UTF-8": (XML + ROOT).encode("utf-8-sig"),
    "Latin 1": in_encoding("iso-8859-1", "\xe9"),
    "Windows 1252": in_encoding("windows-1252", "\u2014"),
    "Shift_JIS": in_encoding("Shift_JIS", "\u8868\u4e88"),
    "GBK": in_encoding("gbk", "\u4e02"),
    "KOI8-R": in_encoding("koi8-r", "\u0436"),
    "blanks first": ("\n \t\r\n" + ROOT).encode(),
    "upper-case units": ROOT.replace('"40"', '"40PX"').encode(),
}  # fmt: skip


def members(*parts: bytes) -> bytes:
    return b"".join(gzip.compress(part, mtime=0) for part in parts)


def named_gzip(content: bytes) -> bytes:
    """Return a gzip file with every optional field."""
    packed = gzip.compress(content, mtime=0)
    fields = b"\x04\0abcd" + b"drawing.svg\0" + b"a comment\0"
    return packed[:3] + b"\x1c" + packed[4:10] + fields + packed[10:]


SVGZS = {
    "compressed": members(DRAWING),
    "of several members": members(XML.encode(), DRAWING[:20], DRAWING[20:], b"<!-- end -->"),
    "of empty members": members(b"", b"", DRAWING),
    "of a cut member": members(XML.encode(), DRAWING + bytes(3_000))[:-9],
    "with a name": named_gzip(DRAWING),
    "with padding": members(DRAWING) + bytes(512),
    "in UTF-16": members((XML + ROOT).encode("utf-16")),
    "after a comment": members(b"<!--" + b"long " * 20_000 + b"-->" + DRAWING),
    "stored": gzip.compress(DRAWING, 0, mtime=0),
}
