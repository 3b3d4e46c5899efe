"""The kinds of bodies that are not images are written beside the report of a fleet's part."""

from __future__ import annotations

from pathlib import Path

from imagefetch.items import ImageRecord
from imagefetch.stats.kind_log import KindLog, read_kinds


def record(line: int, kind: str, signal: str = "") -> ImageRecord:
    made = ImageRecord("http://a.example/", "200", line)
    made.kind, made.signal = kind, signal
    return made


def test_kinds_are_read_as_written(tmp_path: Path) -> None:
    """Only records with a kind are; another process adds to the same log."""
    path = tmp_path / "1.kinds"
    for records in ([(3, "html"), (4, "")], [(5, "")], [(7, "pdf"), (3, "json")]):
        log = KindLog(path)
        for line, kind in records:
            log.add(record(line, kind))
        log.close()
    assert read_kinds(path.read_bytes().splitlines()) == {3: "json", 7: "pdf"}


def test_signals_are_read_as_written(tmp_path: Path) -> None:
    """By which hosts opt out; the log of a part has both."""
    log = KindLog(tmp_path / "1.kinds")
    log.add(record(2, "", "content-signal:ai-train"))
    log.add(record(5, "html"))
    log.add(record(6, "", "tdmrep"))
    log.close()
    found = read_kinds(log.path.read_bytes().splitlines())
    assert found == {2: "content-signal:ai-train", 5: "html", 6: "tdmrep"}


def test_nothing_is_written_without_a_kind(tmp_path: Path) -> None:
    log = KindLog(tmp_path / "1.kinds")
    log.add(record(1, ""))
    log.close()
    assert not log.path.exists()


def test_a_log_that_can_t_be_written_ends_no_run(tmp_path: Path) -> None:
    log = KindLog(tmp_path / "no folder" / "1.kinds")
    log.add(record(1, "html"))
    log.close()


def test_damaged_lines_are_left_out() -> None:
    """The last line may be cut, and others wrote there."""
    lines = [b"", b"1 html", b"2", b"3 nothing", b"x pdf", b"-4 pdf", b"9" * 40 + b" pdf", b"5 ht"]
    assert read_kinds([*lines, b"\xff\xfe", "\u0663 pdf".encode()]) == {1: "html"}
