"""The name of a picture's file, and the file of a name."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.names import file_name, stored_file
from tests.conftest import examples

SITE = "https://a.example/"
# Text that is worth more than its share: what file systems, shells and spreadsheets trip over.
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
    """The last path segment stays readable; what is unsafe in it goes."""
    found = re.fullmatch(r"(.*)-[a-z2-7]{16}\.webp", file_name(SITE + url, ".webp"))
    assert found is not None
    assert found[1] == stem


@given(TEXT, st.sampled_from([".jpg", ".icns"]))
@examples(100)
def test_any_url_gives_a_safe_name(text: str, extension: str) -> None:
    """Whatever the URL holds, its name is one component that no program takes for more."""
    name = file_name(SITE + text, extension)
    assert not set(name) & set('/\\:*?"<>|')
    assert not {unicodedata.category(c) for c in name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert name[0] not in "=+-@. "
    assert name.endswith(extension)
    assert len(name.encode()) <= 143


@given(TEXT, TEXT, TEXT)
@examples(100)
def test_distinct_urls_give_distinct_names(one: str, other: str, last: str) -> None:
    """Two URLs share no name, though their stems be equal and the file system know no case."""
    urls = {f"{SITE}{text}/{last}" for text in (one, other)}
    assert len({file_name(url, ".jpg").casefold() for url in urls}) == len(urls)


def test_name_is_the_same_in_every_run() -> None:
    """The hash is the beginning of the URL's SHA-256, in base32, and nothing of this process."""
    assert file_name("https://example.com/", ".jpg") == "image-b4iv3mdcw7an2ayl.jpg"


def test_a_name_leads_to_its_file_and_to_nothing_else(tmp_path: Path) -> None:
    """Whatever a report calls a file, and whatever links lie in the store."""
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
    (tmp_path / "linked").symlink_to(store)  # the store itself may be one
    assert stored_file(tmp_path / "linked", "a.jpg") == tmp_path / "linked" / "a.jpg"
