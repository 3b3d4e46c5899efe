"""Queues, places and turns."""

from __future__ import annotations

import random
from collections import Counter

from scrapy import Request

from imagefetch.scheduling.host_queues import Hosts


def request(number: int) -> Request:
    return Request(f"http://a.example/{number}")


def names(hosts: Hosts, count: int) -> list[str]:
    taken = []
    for _ in range(count):
        made = hosts.take(0)
        assert made is not None
        place = hosts.place(made)
        assert place is not None
        taken.append(place.host)
    return taken


def test_hosts_take_turns_within_their_limits() -> None:
    """One that is full is passed by, until a place of its own is free."""
    hosts = Hosts({"a": 2, "b": 3}.__getitem__)
    made = [request(n) for n in range(10)]
    for number, one in enumerate(made):
        hosts.add("ab"[number % 2], one)
    assert names(hosts, 5) == ["a", "b", "a", "b", "b"]
    assert hosts.take(0) is None
    assert (hosts.waiting, hosts.under_way) == (5, 5)
    hosts.ended(made[0])
    hosts.free_places({made[0]})  # the downloader is not done with it
    assert hosts.take(0) is None
    hosts.free_places(set())
    assert hosts.take(0) is made[4]
    assert hosts.take(0) is None


def test_an_end_that_nobody_told_of_frees_its_place_too() -> None:
    """As where a middleware of the user's answers with another request."""
    hosts = Hosts(lambda _: 1)
    first, second = request(1), request(2)
    hosts.add("a", first)
    hosts.add("a", second)
    assert hosts.take(0) is first
    hosts.free_places(set())
    assert hosts.take(0) is None
    hosts.free_places(set(), of_all=True)
    assert hosts.take(0) is second


def test_an_end_told_while_the_request_is_active_is_not_forgotten() -> None:
    """A look at all places in the meantime does not make it wait for the next such look."""
    hosts = Hosts(lambda _: 1)
    first, second = request(1), request(2)
    hosts.add("a", first)
    hosts.add("a", second)
    assert hosts.take(0) is first
    hosts.ended(first)
    hosts.free_places({first}, of_all=True)  # the downloader is not done with it
    assert hosts.take(0) is None
    hosts.free_places(set())
    assert hosts.take(0) is second


def test_what_was_begun_goes_first_and_what_is_parked_not_at_all() -> None:
    """A queue may be taken away; the host's place stays taken."""
    hosts = Hosts(lambda _: 1)
    made = [request(n) for n in range(4)]
    for one in made[:3]:
        hosts.add("a", one)
    hosts.add("a", made[3], first=True)
    assert hosts.take(0) is made[3]
    assert list(hosts.take_all("a")) == made[:3]
    assert (hosts.waiting, hosts.under_way) == (0, 1)
    hosts.add("a", made[0])
    assert hosts.take(0) is None
    hosts.ended(made[3])
    hosts.free_places(set())
    assert hosts.take(0) is made[0]


def test_limits_that_change_are_kept_from_then_on() -> None:
    """One that is cut below what is under way lets nothing through until that has ended."""
    limits = Counter(a=3)
    hosts = Hosts(limits.__getitem__)
    made = [request(n) for n in range(9)]
    for one in made:
        hosts.add("a", one)
    assert names(hosts, 3) == ["a"] * 3
    limits["a"] = 1
    for number in range(2):
        hosts.ended(made[number])
        hosts.free_places(set())
        assert hosts.take(0) is None
    limits["a"] = 4
    hosts.ended(made[2])
    hosts.free_places(set())
    limits["a"] = 0  # its turn is due
    assert hosts.take(0) is None
    limits["a"] = 4
    hosts.add("a", request(9))
    assert names(hosts, 4) == ["a"] * 4
    assert hosts.take(0) is None


def test_nothing_is_lost_and_no_limit_passed() -> None:
    """Whatever the order; at the end no host is remembered."""
    dice = random.Random(1)
    limits = {name: dice.randint(1, 4) for name in "abcdefgh"}
    hosts = Hosts(limits.__getitem__)
    busy: Counter[str] = Counter()
    under_way: dict[Request, str] = {}
    sent = 0
    for number in range(3_000):
        name = dice.choice("abcdefgh")
        if number < 1_000:
            hosts.add(name, request(number))
        if dice.random() < 0.6 and (made := hosts.take(0)):
            sent += 1
            place = hosts.place(made)
            assert place is not None
            under_way[made] = place.host
            busy[place.host] += 1
            assert busy[place.host] <= limits[place.host]
        if under_way and dice.random() < 0.6:
            ended = dice.choice(list(under_way))
            busy[under_way.pop(ended)] -= 1
            hosts.ended(ended)
            hosts.free_places(under_way)
    assert sent == 1_000
    for ended in under_way:
        hosts.ended(ended)
    hosts.free_places(set())
    assert not hosts._hosts
