"""SVG documents are known by their root element, and have a size in CSS pixels."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.errors import DamagedImage, NotAnImage
from imagefetch.images.detection import HEAD, format_of, probe
from imagefetch.images.headers.svg import WINDOWS
from imagefetch.images.headers.svg_size import size_of
from imagefetch.images.headers.xml_root import DOCTYPE_MAX
from tests.conftest import examples
from tests.support.pictures import SVG_NAMESPACE
from tests.support.svg_texts import BEFORE, BOX_SIZES, NO_SIZES, ROOT, SIZES


def brief(folder: Path, content: bytes) -> tuple[str, str, int | None, int | None]:
    """Probe *content* as a download would: first its beginning, then the file."""
    path = folder / "1"
    path.write_bytes(content)
    format_of(content[:HEAD])  # a long body is not given up
    image = probe(path, content[:HEAD])
    return image.media_type, image.extension, image.width, image.height


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_precedes_the_root(tmp_path: Path, before: str, encoding: str) -> None:
    if encoding in {"utf-16-le", "utf-16-be"}:
        before = before.lstrip()  # without a mark, the encoding shows in a markup character
    assert brief(tmp_path, (before + ROOT).encode(encoding)) == ("image/svg+xml", ".svg", 8, 6)


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("ISO-8859-1", "latin-1"), ("windows-1251", "cp1251"), ("Shift_JIS", "cp932"),
        ("GB18030", "gb18030"), ("Big5", "big5"), ("EUC-KR", "euc_kr"), ("koi8-r", "koi8_r"),
        ("ISO-2022-JP", "iso2022_jp"), ("UTF-16", "utf-16"), ("utf-32", "utf-32"),
        ("no-such", "utf-8"),
    ],
)  # fmt: skip
def test_declared_encodings(tmp_path: Path, name: str, codec: str) -> None:
    """Characters whose bytes look like markup do not end a comment."""
    words = "".join(map(chr, (*range(0xA0, 0x17F), *range(0x410, 0x450), *range(0x3041, 0x30FF))))
    words += "".join(chr(c) for c in range(0x4E00, 0x5000))
    text = words.encode(codec, "ignore").decode(codec)
    document = f'<?xml version="1.0" encoding="{name}"?><!-- {text} --><!DOCTYPE svg []>{ROOT}'
    assert brief(tmp_path, document.encode(codec)) == ("image/svg+xml", ".svg", 8, 6)


@pytest.mark.parametrize("prefix", ["svg", "ns0", "s", "a.b-c", "名"])
def test_any_prefix(tmp_path: Path, prefix: str) -> None:
    text = f'<{prefix}:svg xmlns:{prefix}="{SVG_NAMESPACE}" width="8" height="6"/>'
    assert brief(tmp_path, text.encode()) == ("image/svg+xml", ".svg", 8, 6)
    with pytest.raises(NotAnImage):
        brief(tmp_path, text.replace("w3.org", "w4.org").encode())
    with pytest.raises(NotAnImage):
        brief(tmp_path, text.replace(f"xmlns:{prefix}", "xmlns").encode())


@pytest.mark.parametrize(
    "declared",
    [
        f'<!DOCTYPE svg [<!ENTITY n "{SVG_NAMESPACE}"><!ENTITY w "8">]>',
        "<!DOCTYPE svg [<!ENTITY a 'org'><!ENTITY n 'http://www.w3.&a;/2000/svg'>"
        "<!ENTITY w '&#56;'>]>",
    ],
)
def test_entities(tmp_path: Path, declared: str) -> None:
    """Programs declare the namespace as an entity."""
    text = declared + '<svg xmlns="&n;" width="&w;" height="6"/>'
    assert brief(tmp_path, text.encode()) == ("image/svg+xml", ".svg", 8, 6)
    with pytest.raises(NotAnImage):
        brief(tmp_path, text.replace("2000", "2001").encode())


def test_entities_in_entities_take_no_time(tmp_path: Path) -> None:
    """The lengths of values are limited."""
    laughs = '<!ENTITY a "' + "&a;" * 300 + '">'
    text = f'<!DOCTYPE svg [{laughs}]><svg width="&a;" height="&a;" xmlns="&a;"/>'
    assert brief(tmp_path, text.encode()) == ("image/svg+xml", ".svg", None, None)


def test_compressed(tmp_path: Path) -> None:
    for before in BEFORE.values():
        content = gzip.compress((before + ROOT).encode())
        assert brief(tmp_path, content) == ("image/svg+xml", ".svgz", 8, 6)
    for other in (b"<html>" + ROOT.encode(), bytes(2**20), b"", b"<" * 2**22):
        with pytest.raises(NotAnImage):
            brief(tmp_path, gzip.compress(other))


def test_too_long_to_tell(tmp_path: Path) -> None:
    """Limits on what precedes the root, and on its start tag."""
    comment = "<!--" + "-" * WINDOWS[-1] + "-->"
    doctype = "<!DOCTYPE svg [" + " " * DOCTYPE_MAX + "]>"
    for before in (comment, doctype, "<!---->" * 3_000):
        with pytest.raises(NotAnImage):
            brief(tmp_path, (before + ROOT).encode())
    tag = '<svg a="' + "b" * WINDOWS[-1] + '" width="8"/>'
    assert brief(tmp_path, tag.encode()) == ("image/svg+xml", ".svg", None, None)
    for cut in ('<svg xmlns="http://www.w3', "<svg width=8 height=8>"):
        with pytest.raises(DamagedImage):
            brief(tmp_path, cut.encode())


@pytest.mark.parametrize(("attributes", "size"), SIZES + BOX_SIZES + NO_SIZES)
def test_sizes(tmp_path: Path, attributes: str, size: tuple[int, int] | None) -> None:
    text = f'<svg xmlns="{SVG_NAMESPACE}" {attributes}/>'
    assert brief(tmp_path, text.encode())[2:] == (size or (None, None))


@given(
    st.dictionaries(
        st.sampled_from(["width", "height", "viewBox", "preserveAspectRatio"]),
        st.text(st.sampled_from("0123456789+-.eE px%none,\n "), max_size=30),
    )
)
@examples(300)
def test_any_attributes(attributes: dict[str, str]) -> None:
    """A size is two positive numbers, or unknown."""
    size = size_of(attributes)
    assert size is None or min(size) > 0
