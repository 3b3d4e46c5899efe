"""Parts of SVG documents that browsers show, each with the size that it has there."""

from __future__ import annotations

from tests.support.pictures import SVG_NAMESPACE

XML = '<?xml version="1.0"?>\n'
ROOT = f'<svg xmlns="{SVG_NAMESPACE}" width="8" height="6"><rect width="8" height="6"/></svg>'
BEFORE = {
    "nothing": "",
    "declaration": XML,
    "blanks": "\n\t ",
    "comment": XML + "<!-- a > b <html> -->",
    "long comment": XML + "<!-- " + "a licence that goes on " * 20_000 + "-->\n",
    "many comments": "<!---->\n" * 1_500,
    "instructions": XML + '<?xpacket begin="x"?><?a <svg> ?>\n',
    "document type": XML
    + '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://a.example/a.dtd">',
    "document type in single quotes": "<!DOCTYPE svg SYSTEM 'a>b'>",
    "long document type": "<!DOCTYPE svg [" + '<!ENTITY e "http://a.example/">\n' * 3_000 + "]>",
    "document type with everything": "<!DOCTYPE svg [<!ENTITY a ']>'><!-- ' \" ]> --><?b ]> ?>"
    "<!ELEMENT svg ANY><!ATTLIST svg a CDATA #IMPLIED>%c;] >\n",
    "document type of another name": "<!DOCTYPE drawing [<!ENTITY a 'b'>]>",
}
"""What may precede the root element."""

SIZES: list[tuple[str, tuple[int, int] | None]] = [
    ('width="8.4" height="8.5"', (8, 9)),
    ('width="1in" height="2.54cm"', (96, 96)),
    ('width="10mm" height="10pt"', (38, 13)),
    ('width="2pc" height="40Q"', (32, 38)),
    ('width="2em" height="3rem"', (32, 48)),
    ('width="10PX" height=" 10 "', (10, 10)),
    ('width="1e1" height="+.5e2px"', (10, 50)),
    ('width="40" viewBox="0 0 20 30"', (40, 60)),
    ('height="33" viewBox="0 0 20 30"', (22, 33)),
    ('width="100%" height="60" viewBox="0,0,30,20"', (90, 60)),
    ('width="auto" height="10" viewBox="0 0 30 20"', (15, 10)),
    ('width="8 px" height="10" viewBox="0 0 30 20"', (15, 10)),
]
"""Attributes of the root element, and the size that they mean."""
