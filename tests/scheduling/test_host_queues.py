"""Tests queues, slots and round robin of hosts."""

from __future__ import annotations

import random
from collections import Counter

from scrapy import Request

from imagefetch.scheduling.host_queues import HostQueues


def request(number: int) -> Request:
    return Request(f"http://a.example/{number}")


def names(hosts: HostQueues, count: int) -> list[str]:
    taken = []
    for _ in range(count):
        request = hosts.take(0)
        assert request is not None
        slot = hosts.slot_of(request)
        assert slot is not None
        taken.append(slot.host)
    return taken


def test_hosts_take_turns_within_their_limits() -> None:
    """A host without a free slot is skipped."""
    hosts = HostQueues({"a": 2, "b": 3}.__getitem__)
    requests = [request(n) for n in range(10)]
    for number, one in enumerate(requests):
        hosts.add("ab"[number % 2], one)
    assert names(hosts, 5) == ["a", "b", "a", "b", "b"]
    assert hosts.take(0) is None
    assert (hosts.waiting, hosts.in_flight) == (5, 5)
    hosts.ended(requests[0])
    hosts.free_slots({requests[0]})  # the downloader has not finished with it
    assert hosts.take(0) is None
    hosts.free_slots(set())
    assert hosts.take(0) is requests[4]
    assert hosts.take(0) is None


def test_an_end_that_was_not_reported_frees_its_slot() -> None:
    """For instance if a user's middleware returns another request."""
    hosts = HostQueues(lambda _: 1)
    first, second = request(1), request(2)
    hosts.add("a", first)
    hosts.add("a", second)
    assert hosts.take(0) is first
    hosts.free_slots(set())
    assert hosts.take(0) is None
    hosts.free_slots(set(), of_all=True)
    assert hosts.take(0) is second


def test_an_end_reported_while_the_request_is_active_is_kept() -> None:
    """Even if all slots are checked in the meantime."""
    hosts = HostQueues(lambda _: 1)
    first, second = request(1), request(2)
    hosts.add("a", first)
    hosts.add("a", second)
    assert hosts.take(0) is first
    hosts.ended(first)
    hosts.free_slots({first}, of_all=True)  # the downloader has not finished with it
    assert hosts.take(0) is None
    hosts.free_slots(set())
    assert hosts.take(0) is second


def test_a_request_can_go_first_and_a_queue_can_be_taken() -> None:
    """Taking the queue does not free the slot of a request in flight."""
    hosts = HostQueues(lambda _: 1)
    requests = [request(n) for n in range(4)]
    for one in requests[:3]:
        hosts.add("a", one)
    hosts.add("a", requests[3], first=True)
    assert hosts.take(0) is requests[3]
    assert list(hosts.take_all("a")) == requests[:3]
    assert (hosts.waiting, hosts.in_flight) == (0, 1)
    hosts.add("a", requests[0])
    assert hosts.take(0) is None
    hosts.ended(requests[3])
    hosts.free_slots(set())
    assert hosts.take(0) is requests[0]


def test_a_changed_limit_applies_at_once() -> None:
    """If it is below the number of requests in flight, no request is sent until enough end."""
    limits = Counter(a=3)
    hosts = HostQueues(limits.__getitem__)
    requests = [request(n) for n in range(9)]
    for one in requests:
        hosts.add("a", one)
    assert names(hosts, 3) == ["a"] * 3
    limits["a"] = 1
    for number in range(2):
        hosts.ended(requests[number])
        hosts.free_slots(set())
        assert hosts.take(0) is None
    limits["a"] = 4
    hosts.ended(requests[2])
    hosts.free_slots(set())
    limits["a"] = 0  # the host is in the round robin
    assert hosts.take(0) is None
    limits["a"] = 4
    hosts.add("a", request(9))
    assert names(hosts, 4) == ["a"] * 4
    assert hosts.take(0) is None


def test_no_request_is_lost_and_no_limit_exceeded() -> None:
    """For any order of events; at the end no host is kept."""
    dice = random.Random(1)
    limits = {name: dice.randint(1, 4) for name in "abcdefgh"}
    hosts = HostQueues(limits.__getitem__)
    busy: Counter[str] = Counter()
    in_flight: dict[Request, str] = {}
    sent = 0
    for number in range(3_000):
        name = dice.choice("abcdefgh")
        if number < 1_000:
            hosts.add(name, request(number))
        if dice.random() < 0.6 and (taken := hosts.take(0)):
            sent += 1
            slot = hosts.slot_of(taken)
            assert slot is not None
            in_flight[taken] = slot.host
            busy[slot.host] += 1
            assert busy[slot.host] <= limits[slot.host]
        if in_flight and dice.random() < 0.6:
            ended = dice.choice(list(in_flight))
            busy[in_flight.pop(ended)] -= 1
            hosts.ended(ended)
            hosts.free_slots(in_flight)
    assert sent == 1_000
    for ended in in_flight:
        hosts.ended(ended)
    hosts.free_slots(set())
    assert not hosts._hosts
