"""File names are built for images, and files are found by name."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.output.file_names import (
    COMPONENT_MAX,
    PLAIN_SEGMENT,
    NameTemplate,
    file_name,
    safe_stem,
    stored_file,
)
from tests.conftest import examples

SITE = "https://a.example/"
# Text that is drawn more often: special in file systems, shells or spreadsheets.
NASTY = st.sampled_from([
    *"=+-@.~' /\\:*?\"<>|%#;", "..", "%2e%2e", "%2F", "%00", "%0d", "%ff", "%e2%80%ae",
    "\u202e", "\u200f", "\u2028", "\x85", "CON", "aux.jpg", "é", "名" * 60, "x" * 300,
])  # fmt: skip
TEXT = st.lists(NASTY | st.text(), max_size=8).map("".join)


@pytest.mark.parametrize(
    ("url", "stem"),
    [
        ("photo.jpeg", "photo"),
        ("a/b/photo.png?size=2#top", "photo"),
        ("archive.tar.gz", "archive.tar"),
        ("%E5%90%8D%20a.jpg", "名 a"),
        ("名前.jpg", "名前"),
        ("e\u0301.jpg", "\u00e9"),
        ("agpj.\u202eexe", "agpj"),
        ("a%2Fb%5Cc%3Ad.jpg", "a_b_c_d"),
        ("a%00%0d%0ab.jpg", "ab"),
        ("=cmd.jpg", "cmd"),
        ("-rf", "rf"),
        ("...hidden.jpg", "hidden"),
        ("", "image"),
        ("..", "image"),
        ("%2e%2e", "image"),
        (".jpg", "image"),
        ("x" * 300 + ".jpg", "x" * 100),
        ("名" * 60, "名" * 33),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_stem_is_readable(url: str, stem: str) -> None:
    """The last path segment stays readable; unsafe characters are removed."""
    found = re.fullmatch(r"(.*)-[a-z2-7]{16}\.webp", file_name(SITE + url, ".webp"))
    assert found is not None
    assert found[1] == stem


@given(TEXT, st.sampled_from([".jpg", ".icns"]))
@examples(100)
def test_any_url_gives_a_safe_name(text: str, extension: str) -> None:
    """For every URL, the name is one path component that is safe in all programs."""
    name = file_name(SITE + text, extension)
    assert not set(name) & set('/\\:*?"<>|')
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert name[0] not in "=+-@. "
    assert name.endswith(extension)
    assert len(name.encode()) <= 143


@given(TEXT, TEXT, TEXT)
@examples(100)
def test_distinct_urls_give_distinct_names(one: str, other: str, last: str) -> None:
    """Two URLs share no name, even if their stems are equal and the file system ignores case."""
    urls = {f"{SITE}{text}/{last}" for text in (one, other)}
    assert len({file_name(url, ".jpg").casefold() for url in urls}) == len(urls)


def test_name_is_the_same_in_every_run() -> None:
    """The hash is the beginning of the URL's SHA-256 in base32, the same in every process."""
    assert file_name("https://example.com/", ".jpg") == "image-b4iv3mdcw7an2ayl.jpg"


@given(st.from_regex(PLAIN_SEGMENT, fullmatch=True))
@examples(300)
def test_the_short_way_gives_the_same_name(segment: str) -> None:
    """Sanitizing would not change a segment that is used unchanged."""
    assert file_name(f"{SITE}{segment}", "").rpartition("-")[0] == safe_stem(segment)


def test_a_name_leads_to_its_file_and_to_nothing_else(tmp_path: Path) -> None:
    """For all names in a report, and with links in the store."""
    store, outside = tmp_path / "store", tmp_path / "outside"
    (store / "ab").mkdir(parents=True)
    outside.mkdir()
    for path in (store / "a.jpg", store / "ab" / "b.jpg", outside / "c.jpg"):
        path.touch()
    (store / "link.jpg").symlink_to(outside / "c.jpg")
    (store / "folder").symlink_to(outside)
    (store / "home").symlink_to(store)
    os.mkfifo(store / "pipe.jpg")
    assert stored_file(store, "a.jpg") == store / "a.jpg"
    assert stored_file(store, "ab/b.jpg") == store / "ab" / "b.jpg"
    for name in (
        *("none.jpg", "", ".", "..", "ab", "ab/..", "ab/../a.jpg", "a.jpg/b", "a\0.jpg", "x" * 300),
        *("../outside/c.jpg", str(outside / "c.jpg"), str(store / "a.jpg"), "pipe.jpg"),
        *("link.jpg", "folder/c.jpg", "home/a.jpg"),
    ):
        assert stored_file(store, name) is None, name
    (tmp_path / "linked").symlink_to(store)  # the store itself may be a link
    assert stored_file(tmp_path / "linked", "a.jpg") == tmp_path / "linked" / "a.jpg"


# --- Templates -------------------------------------------------------------

URL = "https://Pictures.a.example:8080/b/photo.jpeg?x=1"
HASH = NameTemplate("{hash}").name(URL, "")
SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{stem}-{hash}{ext}", f"photo-{HASH}.png"),
        ("{hash:.2}/{hash}{ext}", f"{HASH[:2]}/{HASH}.png"),
        ("{sha256:.2}/{sha256:.4}/{sha256}{ext}", f"01/0123/{SHA}.png"),
        ("{host}/{line:08}-{hash}", f"pictures.a.example/00000012-{HASH}"),
        ("a {{b}}/{stem:.3}_{hash}{ext}", f"a {{b}}/pho_{HASH}.png"),
    ],
)
def test_a_template_makes_the_name(template: str, name: str) -> None:
    """Fields, shortened fields, folders and text are as in the template."""
    assert NameTemplate(template).name(URL, ".png", 12, SHA) == name


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("", "two URLs could get the same file"),
        ("all.png", "two URLs could get the same file"),
        ("{nonsense}-{hash}", "{nonsense} is not one of {stem}, {hash}"),
        ("{}-{hash}", "{} is not one of"),
        ("{0}-{hash}", "{0} is not one of"),
        ("{hash!r}", "{hash} is not one of"),
        ("{hash.__class__}", "{hash.__class__} is not one of"),
        ("{stem:>9}{hash}", "is not a valid format"),
        ("{stem:{line}}{hash}", "is not a valid format"),
        ("{line:.2}{hash}", "is not a valid format"),
        ("{hash", "write it as {stem}-{hash}{ext}"),
        ("/{hash}", "no name"),
        ("a//{hash}", "no name"),
        ("{hash}/", "no name"),
        ("../{hash}", "is not a valid name on every file system"),
        ("a/./{hash}", "is not a valid name"),
        (".part/{hash}", "is not a valid name"),
        ("{ext}{hash}", "is not a valid name"),
        ("={hash}", "is not a valid name"),
        ("a\\{hash}", "is not a valid name"),
        ("a\0{hash}", "is not a valid name"),
        ("a\n{hash}", "is not a valid name"),
        ("\u202ea{hash}", "is not a valid name"),
        ("a:{hash}", "is not a valid name"),
        ("con/{hash}", "is not a valid name"),
        ("a./{hash}", "is not a valid name"),
        ("{host}{stem}{sha256}{hash}", "a name could take 280 bytes"),
        ("a" * 250 + "{hash}", "a name could take 266 bytes"),
    ],
)
def test_a_template_that_will_not_do(template: str, told: str) -> None:
    """It is refused with a message that states the problem."""
    with pytest.raises(ValueError, match=re.escape(told)):
        NameTemplate(template)


TEMPLATES = [
    NameTemplate(text)
    for text in (
        "{stem:.4}/{host:.3}/{hash}{ext}",
        "{hash:.3}/{stem}-{hash}{ext}",
        "{host}/{stem}/{sha256}{ext}",
    )
]


@given(st.text(alphabet="abcnoux-._~:@[]é", max_size=20), TEXT, st.sampled_from(TEMPLATES))
@examples(200)
def test_no_url_leads_out_of_the_store(host: str, path: str, template: NameTemplate) -> None:
    """For every host and path, the names of all folders and files are valid on file systems."""
    try:
        name = template.name(f"http://{host}/{path}", ".jpg", 1, SHA)
    except ValueError:  # not a URL; a run rejects it before this step
        return
    for component in name.split("/"):
        assert component not in {"", ".", ".."}
        assert component[0] not in "=+-@.~ '"
        assert component[-1] not in ". "
        assert not set(component) & set('\\:*?"<>|')
        assert component.partition(".")[0].lower() not in {"con", "nul", "aux", "prn", "com1"}
        assert len(component.encode()) <= COMPONENT_MAX
    assert name.count("/") == 2 if "host" in repr(template.pieces) else 1


def test_a_cut_leaves_no_dot_at_a_folder_s_end() -> None:
    """Windows would remove it and use another folder."""
    assert NameTemplate("{stem:.4}/{hash}").name(SITE + "abc.def.jpg", "").startswith("abc/")


def test_a_host_is_no_folder_of_devices() -> None:
    """Windows would open a device for these host names."""
    names = NameTemplate("{host}/{hash}")
    assert names.name("http://con/a", "").startswith("_con/")
    assert names.name("http://aux.example/a", "").startswith("_aux.example/")
    assert names.name("http://[::1]/a", "").startswith("__1/")


# --- Names by columns ------------------------------------------------------

COLUMNS = ("sku", "colour", "stem")
RECORD = {"sku": "A", "colour": "", "stem": "own"}


@pytest.mark.parametrize(
    ("template", "record", "part", "name"),
    [
        ("{sku}-{part}{ext}", {}, 2, "A-2.png"),
        ("{sku}-{part:03}{ext}", {}, 2, "A-002.png"),
        ("{sku}-{part}{ext}", {}, None, "A.png"),
        ("{sku}-{colour}-{part}{ext}", {}, 1, "A-1.png"),
        ("{sku} - {colour}{ext}", {}, 1, "A.png"),
        ("{colour}_{part}{ext}", {}, 1, "1.png"),
        ("shop_{colour}{ext}", {}, 1, "shop.png"),
        ("{sku}-{colour}{ext}", {"sku": "A_"}, 1, "A_.png"),
        ("{colour}{ext}", {}, 1, "image.png"),
        ("{colour}/{sku}{ext}", {}, 1, "_/A.png"),
        ("{list.stem}{ext}", {}, 1, "own.png"),
        ("{stem}{ext}", {}, 1, "photo.png"),
        ("{sku:.2}{ext}", {"sku": "ABC"}, 1, "AB.png"),
        ("{sku}{ext}", {"sku": "../a/b\\c"}, 1, "_a_b_c.png"),
        ("{sku}{ext}", {"sku": "1.5"}, 1, "1.5.png"),
        ("{sku}{ext}", {"sku": "cat.JPEG"}, 1, "cat.png"),
        ("{sku}{ext}", {"sku": "=cmd"}, 1, "cmd.png"),
        ("{sku}{ext}", {"sku": "CON"}, 1, "_CON.png"),
        ("{sku}{ext}", {"sku": "\u202e\0"}, 1, "image.png"),
    ],
)
def test_columns_make_the_name(
    template: str, record: dict[str, str], part: int | None, name: str
) -> None:
    """Cells are made safe as stems are; an empty one takes the separator before it along."""
    names = NameTemplate(template, COLUMNS)
    assert names.name(URL, ".png", 12, SHA, part=part, record={**RECORD, **record}) == name
    assert names.may_repeat
    assert names.name_if_taken(name, URL, ".png") == f"{name.removesuffix('.png')}-{HASH}.png"


@given(TEXT, TEXT, st.sampled_from(["{a}{ext}", "{a}-{b}{ext}", "{a}/{b}{ext}", "x {b:.3}{ext}"]))
@examples(300)
def test_no_cell_leads_out_of_the_store(a: str, b: str, template: str) -> None:
    """Whatever the list's cells hold, the names of folders and files are valid."""
    names = NameTemplate(template, ("a", "b"))
    name = names.name(URL, ".jpg", 1, SHA, record={"a": a, "b": b})
    for made in (name, names.name_if_taken(name, URL, ".jpg")):
        assert made.endswith(".jpg")
        for component in made.split("/"):
            assert component.strip(". ") and component[0] not in "=+-@.~ '"
            assert not set(component) & set('\\:*?"<>|')
            assert not {unicodedata.category(c) for c in component} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
            assert len(component.encode()) <= COMPONENT_MAX


def test_an_unknown_column_is_named() -> None:
    """The message lists the columns that exist; before the list is known, any name may be one."""
    with pytest.raises(
        ValueError, match=r"\{skuu\} is not one of .*\{sha256\}, \{sku\}, \{colour\}"
    ):
        NameTemplate("{skuu}{ext}", COLUMNS)
    with pytest.raises(
        ValueError, match=r"\{sku\} is not one of .*; the report carries no columns"
    ):
        NameTemplate("{sku}{ext}")
    NameTemplate("{sku}{ext}", None)
    assert not NameTemplate("{sku}-{hash}{ext}", COLUMNS).may_repeat
    assert NameTemplate("{sku}-{sha256}{ext}", COLUMNS).by_content
