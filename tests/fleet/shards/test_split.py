"""Splitting a list into shards, and the queue of shards."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefetch.fleet.shards import append
from imagefetch.fleet.shards import plan as module
from imagefetch.fleet.shards.plan import Plan, plan
from imagefetch.fleet.shards.queue import ShardQueue
from imagefetch.fleet.shards.split import split
from imagefetch.line import Line
from imagefetch.lists.list_file import ListFile
from imagefetch.lists.plain import read_lines
from imagefetch.urls import key_of, sent_url
from tests.conftest import examples


@pytest.fixture(autouse=True, scope="module")
def _few_groups() -> Iterator[None]:
    """Use few groups, so that a plan is computed quickly and hosts share groups."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "GROUPS", 2**12)
        yield


HOSTS = st.sampled_from(["a.example", "A.example", "b.example:8080", "c.example", "bücher.example"])
URLS = st.builds(
    "{}://{}/{}{}".format,
    st.sampled_from(["http", "https"]),
    HOSTS,
    st.integers(0, 30),
    st.sampled_from(["", "#x", "?q=1", " "]),
)
OTHERS = st.sampled_from(["not a URL", "ftp://a.example/x", "http://[", "a\tb", "=1+1", "\x1f"])


def shards_of(
    lines: list[str], folder: Path, *, size: int = 10, workers: int = 1, limit: int = 64
) -> tuple[Plan, dict[int, list[Line]]]:
    """Return the plan for a list of *lines*, and the lines of each shard as they are read back."""
    urls = folder / "urls.txt"
    urls.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    made = plan(read_lines(urls), size, workers, limit)
    found: dict[int, list[Line]] = {}

    def send(shard: int, path: Path, rows: Path | None) -> None:
        assert rows is None
        found[shard] = list(read_lines(path.rename(folder / f"{shard}.shard")))

    split(ListFile(urls), folder / "scratch", made, lambda _: b"", send)
    assert not (folder / "scratch").exists()
    return made, found


@examples(60)
@given(st.lists(URLS | OTHERS | st.just("# no line") | st.just(""), max_size=80), st.data())
def test_each_line_is_in_one_shard(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], data: st.DataObject
) -> None:
    """Each line is in one shard, with its number and text. Lines with the same URL are in the same
    shard, and so are lines of the same host, unless the host is divided."""
    folder = tmp_path_factory.mktemp("split")
    size = data.draw(st.integers(1, 30))
    made, found = shards_of(lines, folder, size=size)
    expected = list(read_lines(folder / "urls.txt"))
    assert sorted(line for some in found.values() for line in some) == expected
    assert made.lines == len(expected)
    keys, hosts = defaultdict(set), defaultdict(set)
    for shard, some in found.items():
        for line in some:
            if url := sent_url(line.text):
                keys[key_of(url)].add(shard)
                hosts[urlsplit(url).hostname].add(shard)
    assert all(len(shards) == 1 for shards in keys.values())
    turns = [set(range(big.first, big.first + big.parts)) for big in made.big]
    for shards in hosts.values():
        assert len(shards) == 1 or any(shards <= some for some in turns)


def test_shards_are_not_too_large(tmp_path: Path) -> None:
    """Small hosts share shards up to the size; a big host has its own shards of about the size."""
    lines = [f"http://{n % 50}.example/{n}" for n in range(500)]
    lines += [f"http://big.example/{n}" for n in range(1_000)]
    made, found = shards_of(lines, tmp_path, size=100, workers=3)
    sizes = [len(found[shard]) for shard in range(made.shards)]
    (big,) = made.big
    assert big.parts == 10
    assert big.lanes == 2  # of three workers, since two of three lines are of this host
    assert max(sizes[: big.first]) <= 100
    assert big.first == 5
    assert sum(sizes[big.first :]) == 1_000
    assert max(sizes) < 150


def test_a_shard_may_have_no_line(tmp_path: Path) -> None:
    """If all lines have the same URL, shards without a line are written too."""
    made, found = shards_of(["http://a.example/1"] * 1_200, tmp_path, size=500)
    assert found.keys() == set(range(made.shards))
    assert sorted(map(len, found.values())) == [0, 0, 1_200]


def test_a_short_list_keeps_every_worker_busy(tmp_path: Path) -> None:
    """A short list of one host is divided among the workers, unless the shards would be smaller
    than is worth a process."""
    lines = [f"http://a.example/{n}" for n in range(4_000)]
    made, found = shards_of(lines, tmp_path, size=10_000, workers=4)
    assert [(big.parts, big.lanes) for big in made.big] == [(4, 4)]
    assert all(900 < len(some) < 1_100 for some in found.values())
    made, found = shards_of(lines[:400], tmp_path, size=10_000, workers=4)
    assert (made.shards, made.big) == (1, [])


def test_workers_end_at_about_the_same_time(tmp_path: Path) -> None:
    """Each worker gets as many shards of the same size, whatever the sizes of the hosts are."""
    lines = [f"http://{host}.example/{n}" for host in range(60) for n in range(3 * host)]
    made, found = shards_of(lines, tmp_path, size=1_500, workers=3)
    assert made.shards == 6
    assert sum(map(len, found.values())) == len(lines) == 5_310
    assert max(map(len, found.values())) - min(map(len, found.values())) <= 30
    lines = [f"http://a.example/{n}" for n in range(4_000)]
    made, _ = shards_of(lines, tmp_path, size=1_500, workers=2)
    assert [(big.parts, big.lanes) for big in made.big] == [(4, 2)]


def test_a_host_that_allows_few_requests_is_fetched_by_few_processes() -> None:
    lines = [Line(n, f"http://{'ab'[n % 2]}.example/{n}") for n in range(8_000)]
    made = plan(lines, 10_000, 8, 64, {"a.example": 2})
    assert sorted(big.lanes for big in made.big) == [2, 4]


def test_hosts_take_turns_in_a_shard(tmp_path: Path) -> None:
    """The hosts of a shard are interleaved, even if the list is sorted by host."""
    lines = [f"http://{host}.example/{n}" for host in "abc" for n in range(100)]
    _, found = shards_of(lines, tmp_path, size=1_000)
    (some,) = found.values()
    hosts = [urlsplit(line.text).hostname for line in some]
    assert all(first != second for first, second in pairwise(hosts))
    for host in set(hosts):
        numbers = [line.number for line in some if urlsplit(line.text).hostname == host]
        assert numbers == sorted(numbers)


def test_memory_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full buffers are written to disk, and no line is lost."""
    monkeypatch.setattr(append, "BUFFER", 5_000)
    lines = [f"http://{n % 7}.example/{n}" for n in range(1_000)]
    _, found = shards_of(lines, tmp_path, size=300)
    assert sum(map(len, found.values())) == 1_000


def test_shards_of_a_big_host_take_turns() -> None:
    """No more shards of a host than its lanes are returned at once, and each shard only once until
    it is put back."""
    turns = ShardQueue(10, [module.DividedGroup(2, 5, 2)], done={0, 3})
    given_out = [turns.next() for _ in range(9)]
    assert given_out == [2, 4, 1, 7, 8, 9, None, None, None]
    turns.ended(4, done=False)
    turns.ended(9, done=True)
    assert [turns.next() for _ in range(2)] == [4, None]
    for shard in (2, 4, 1, 7, 8):
        turns.ended(shard, done=True)
    assert turns.left == 2
    assert Counter([turns.next(), turns.next()]) == Counter([5, 6])
    turns.ended(5, done=True)
    turns.ended(6, done=True)
    assert (turns.left, turns.next()) == (0, None)


def test_a_table_is_split(tmp_path: Path) -> None:
    """Parts, records and the names of columns are in the shards; each is read as a list itself."""
    (tmp_path / "shop.csv").write_text(
        "sku,url,note\n"
        'A,"http://a.example/1.png http://b.example/2.png","say ""x"", twice"\n'
        'B,http://c.example/3.png,"two\nlines"\n'
    )
    urls = ListFile(tmp_path / "shop.csv")
    found: list[ListFile] = []

    def send(shard: int, path: Path, rows: Path | None) -> None:
        assert rows is None
        found.append(ListFile(path.rename(tmp_path / f"{shard}.shard")))

    made = plan(urls.lines(), size=1, workers=1, limit=64)
    split(urls, tmp_path / "scratch", made, lambda _: b"", send)
    assert {shard.columns for shard in found} == {("sku", "note")}
    lines = [line for shard in found for line in shard.lines()]
    assert sorted(lines, key=lambda line: line.id) == sorted(urls.lines(), key=lambda line: line.id)
