"""The list: what is read from it, what is refused, and what may be asked for."""

from __future__ import annotations

import codecs
import gzip
import io
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imagefetch.errors import BadInput, InvalidURL, UnsupportedScheme
from imagefetch.line import Line
from imagefetch.lists.plain import READ_ERRORS, check_list, read_lines
from imagefetch.urls import MAX_LINE, PLAIN_URL, host_of, request_url
from tests.conftest import examples

A, B = "https://a.example/ä.jpg", "https://b.example/名.jpg"
PLAIN_A, PLAIN_B = "https://a.example/1", "https://b.example/2"
URL = PLAIN_A.encode()

MARKED = {
    "utf-8": b"",
    "utf-8-sig": b"",  # Python's codec writes the mark itself
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
UNMARKED = ("utf-16-le", "utf-16-be")


def write(folder: Path, content: bytes, name: str = "urls.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def png() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("encoding", MARKED)
def test_lines_are_stripped_and_numbered(tmp_path: Path, encoding: str, end: str) -> None:
    """Blank lines and comments are passed over, yet counted, in every encoding and line end."""
    text = end.join(["# a comment", f"  {A}\t", "", " \t ", "  # another", B])
    path = write(tmp_path, MARKED[encoding] + text.encode(encoding))
    assert list(read_lines(path)) == [Line(2, A), Line(6, B)]


@pytest.mark.parametrize("encoding", UNMARKED)
def test_utf_16_needs_no_mark(tmp_path: Path, encoding: str) -> None:
    """UTF-16 is known by its zeros where no byte order mark is."""
    path = write(tmp_path, f"{A}\r\n\r\n{B}\r\n".encode(encoding))
    assert list(read_lines(path)) == [Line(1, A), Line(3, B)]


@given(
    st.data(),
    st.sampled_from([*MARKED, *(f"{codec} unmarked" for codec in UNMARKED)]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
@examples(100)
def test_any_text_comes_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, name: str, end: str
) -> None:
    """Whatever the lines hold, each comes back stripped and with its number."""
    codec, _, unmarked = name.partition(" ")
    alphabet = st.characters(
        exclude_characters="\r\n\0\ufeff", max_codepoint=0xFF if unmarked else None, codec="utf-8"
    )
    lines = data.draw(st.lists(st.text(alphabet)))
    mark = b"" if unmarked else MARKED[codec]
    path = write(tmp_path_factory.mktemp("list"), mark + end.join(lines).encode(codec))
    stripped = [Line(number, text.strip()) for number, text in enumerate(lines, 1)]
    assert list(read_lines(path)) == [x for x in stripped if x.text and x.text[0] != "#"]


def test_gz_is_read_through(tmp_path: Path) -> None:
    """A list whose name ends in .gz is unpacked, whatever its encoding."""
    path = write(tmp_path, gzip.compress(f"\n{A}\n".encode("utf-16")), "urls.txt.gz")
    assert list(read_lines(path)) == [Line(2, A)]


def test_cut_gz_gives_what_is_there_then_fails(tmp_path: Path) -> None:
    """Where a .gz breaks off the list doesn't end: its lines so far come, then an error."""
    packed = gzip.compress("".join(f"https://a.example/{n * n}\n" for n in range(20_000)).encode())
    path = write(tmp_path, packed[: len(packed) // 2], "urls.gz")
    check_list(path)
    lines = read_lines(path)
    assert next(lines) == Line(1, "https://a.example/0")
    with pytest.raises(READ_ERRORS):
        list(lines)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        pytest.param("urls.txt", b"", "no URL", id="empty"),
        pytest.param("urls.txt", b"\n \r\n\t", "no URL", id="blank"),
        pytest.param("urls.txt", b"# one\n  # two", "no URL", id="comments"),
        pytest.param("urls.txt", png(), "not a text file", id="PNG"),
        pytest.param("urls.txt", gzip.compress(URL), "compressed", id="gz without its name"),
        pytest.param("urls.gz", URL, "gzip", id="gz by name alone"),
        pytest.param("urls.gz", gzip.compress(URL)[:-9], "ended before", id="cut gz"),
        pytest.param("urls.gz", gzip.compress(b"#"), "no URL", id="gz of comments"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    """What holds no URL is refused in one line that names the path and says why."""
    path = write(tmp_path, content, name)
    with pytest.raises(BadInput, match=why) as refusal:
        check_list(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["urls.txt", "urls.gz"])
def test_missing_list_and_folder_are_told_apart(tmp_path: Path, name: str) -> None:
    """A path that leads nowhere, or to a folder, is refused as what it is."""
    path = tmp_path / name
    with pytest.raises(BadInput, match="no such list"):
        check_list(path)
    path.mkdir()
    with pytest.raises(BadInput, match="is a folder"):
        check_list(path)


def test_good_list_is_accepted(tmp_path: Path) -> None:
    """One line is enough, and need not be a URL: that is its own row's matter."""
    check_list(write(tmp_path, b"\n# x\nno url at all"))


def test_longest_line_is_whole(tmp_path: Path) -> None:
    """A line of MAX_LINE characters is a URL like any other."""
    url = PLAIN_A.ljust(MAX_LINE, "x")
    [first, second] = read_lines(write(tmp_path, f"{url}\n{PLAIN_B}".encode()))
    assert request_url(first.text) == url
    assert second == Line(2, PLAIN_B)


@pytest.mark.parametrize(
    "text",
    [
        PLAIN_A.ljust(MAX_LINE + 1, "x"),
        PLAIN_A.ljust(3 * MAX_LINE + 7, "x"),
        "   " + PLAIN_A.ljust(MAX_LINE + 1, "x"),
        PLAIN_A + MAX_LINE * " " + "x",
        PLAIN_A.rjust(MAX_LINE + len(PLAIN_A) + 1),
    ],
    ids=["by one", "thrice", "behind blanks", "split by blanks", "after blanks alone"],
)
def test_too_long_line_costs_itself(tmp_path: Path, text: str) -> None:
    """A line past MAX_LINE is a line that is no URL, never a shortened one; the next is whole."""
    [first, second] = read_lines(write(tmp_path, f"{text}\r\n{PLAIN_B}\r\n".encode()))
    assert (first.number, second) == (1, Line(2, PLAIN_B))
    with pytest.raises(InvalidURL):
        request_url(first.text)


@pytest.mark.parametrize("junk", [b"\xe9", b"\xc3", b"\x80\xff\xfe"])
def test_bytes_that_are_no_utf_8_cost_their_line(tmp_path: Path, junk: bytes) -> None:
    """Bytes outside the encoding spoil the line that they stand in, and no other."""
    content = b"\n".join([URL, URL + junk, PLAIN_B.encode()])
    first, spoilt, last = read_lines(write(tmp_path, content))
    assert (first, last) == (Line(1, PLAIN_A), Line(3, PLAIN_B))
    with pytest.raises(InvalidURL):
        request_url(spoilt.text)


@pytest.mark.parametrize("before", ["", "x"], ids=["at odd place", "at even place"])
def test_nul_costs_its_line(tmp_path: Path, before: str) -> None:
    """A stray zero byte doesn't turn a list of UTF-8 into one of UTF-16."""
    content = f"{PLAIN_A}\n{before}\0\n{PLAIN_B}\n".encode()
    lines = {line.number: line.text for line in read_lines(write(tmp_path, content))}
    assert (lines[1], lines[3]) == (PLAIN_A, PLAIN_B)


LONGEST = ".".join([63 * "a", 63 * "b", 63 * "c", 61 * "d"])  # 253 characters
LONG_IDN = ".".join([44 * "ü"] * 5)  # 224 characters, encoded 254

VALID = [
    "http://h", "HTTPS://H/a.jpg", "http://h:8080/a b.jpg?q=ä#f", "http://user:word@h/", "http://h./",
    "http://münchen.example/", f"http://{LONGEST}/", f"http://{LONGEST}.:80/", f"HTTP://{LONGEST}/",
    f"http://{63 * 'x'}/", f"http://{'ü' * 50}.example/", "http://127.0.0.1/", "http://[::1]:80/", "http://h/%zz",
]  # fmt: skip
INVALID = [
    "", "a.jpg", "/a.jpg", "//h/a.jpg", "example.com/a.jpg", "example.com:80/a.jpg",
    "http:", "http://", "http:///a.jpg", "http:/h/a.jpg", "http://:80/", "http://../",
    "http://h:port/", "http://h:65536/", "http://[::1/", "http://a b/", "http://<h>/",
    "http://h%2e/", "http://h/\ufffd", "http://h/\0", "http://h/\x1f",
    f"http://{LONGEST}d/", f"http://{LONGEST}d./", f"http://u:p@{LONGEST}d:80/?q",
    f"http://{64 * 'x'}/",
    f"http://a.{64 * 'x'}/?ü", "http://a..b/", "http://.a/", "http://a../", f"http://{LONG_IDN}/",
    f"http://{'ü' * 60}.example/", f"http://{64 * '0'}1.0.0.1/", "http://a。。b/",
    "http://h/a\tb", "http://h/\x7f", "http://h/".ljust(MAX_LINE + 1, "x"),
]  # fmt: skip
OTHERS = ["ftp://h/a.jpg", "file:///etc/passwd", "data:image/png;base64,AA", "mailto:a@b.example"]


@pytest.mark.parametrize("url", VALID, ids=ascii)
def test_url_is_returned_as_written(url: str) -> None:
    """What names a host by http or https is asked for, unchanged."""
    assert request_url(url) == url


@pytest.mark.parametrize(
    ("text", "error"),
    [(text, InvalidURL) for text in INVALID] + [(text, UnsupportedScheme) for text in OTHERS],
    ids=lambda value: ascii(value[:30]) if isinstance(value, str) else value.__name__,
)
def test_what_is_not_asked_for(text: str, error: type[Exception]) -> None:
    """Invalid URLs and URLs that are not http or https are distinguished."""
    with pytest.raises(error):
        request_url(text)


PIECES = st.sampled_from(
    ["a.b", "A.b", "127.0.0.1", "80", "65535", "x", ":", "/", "//", "?", "#", "@", "[", "]", "::1",
     "-", ".", " ", "ü", "\t"]
)  # fmt: skip
BEGINNINGS = st.sampled_from(["http://", "https://", "HTTP://", "ftp://", "http:", "//", ""])


@examples(1_000)
@given(st.builds(str.__add__, BEGINNINGS, st.lists(PIECES, max_size=7).map("".join)))
def test_the_quick_way_to_a_host_is_no_other(url: str) -> None:
    """Whatever the URL is, it gives what parsing the URL does."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    assert host_of(url) == (host or "no host")


@pytest.mark.parametrize("port", [1, 80, 9_999, 10_000, 59_999, 60_999, 65_535])
def test_every_port_is_plain(port: int) -> None:
    """Also those that servers get where none is asked for."""
    assert PLAIN_URL.fullmatch(f"http://127.0.0.1:{port}/a.jpg")
    assert not PLAIN_URL.fullmatch(f"http://127.0.0.1:{65_535 + port}/a.jpg")
