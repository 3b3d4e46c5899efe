"""Parts of SVG documents: what may precede the root element, and sizes in its attributes."""

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
"""Attributes of a root element, and the size that they state."""

NO_SIZES: list[tuple[str, tuple[int, int] | None]] = [
    ("", None),
    # Browsers fit these into 300 by 150 pixels; others take the view box for their size.
    ('viewBox="0 0 24 24"', None),
    ('viewBox="-5 -5 100.4 50.6"', None),
    ('viewBox="0 0 300 150"', None),
    ('width="100%" height="100%" viewBox="0 0 30 20"', None),
    ('width="auto" height="auto" viewBox="0 0 30 20"', None),
    ('width="40"', None),
    ('height="40"', None),
    ('width="0" height="10"', None),
    ('width="-5" height="10" viewBox="0 0 30 20"', None),
    ('width="0.4" height="10"', None),
    ('width="2ex" height="2ex"', None),
    ('width="10vw" height="10vh" viewBox="0 0 30 20"', None),
    ('width="calc(1px)" height="10" viewBox="0 0 30 20"', None),
    ('viewBox="0 0 0 0"', None),
    ('viewBox="0 0 -1 5"', None),
    ('viewBox="0 0 9"', None),
    ('width="20" viewBox="0 0 40 30" preserveAspectRatio="none"', None),
    ('width="1e9" height="1e9"', None),
    ('width="1e999" height="1"', None),
]
"""Attributes that state none, or one that is not to be seen."""
