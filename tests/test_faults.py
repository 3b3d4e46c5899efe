"""Hostile and broken servers: one list of all cases, each with its row."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.conftest import Crawl, run_crawl
from tests.support import faults
from tests.support.answers import Endless, sends, unasked
from tests.support.faults import CASES, Case
from tests.support.server import Server, serving
from tests.support.strangers import resolving
from tests.support.tls import certificate

# Pictures of honest servers in the same list.
HONEST = 300

# Bytes that the operating systems of both sides may hold between them.
BUFFERS = 16 * 2**20


@dataclass
class Ran:
    """All cases in one list, and what came of it."""

    crawl: Crawl
    lines: dict[str, int]
    """Line by the name of its case; and by its URL, of an honest server's."""
    server: Server
    forbidden: Server
    """That may not be connected to."""

    def row(self, case: Case) -> dict[str, str]:
        return self.crawl.by_line[self.lines[case.name]]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, dead_port: int) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("faults")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(folder / "authority.pem")
    with ExitStack() as stack:

        def serve(host: str = "127.0.0.1", **options: Any) -> Server:
            tls = certificate(authority, **options) if options else None
            return stack.enter_context(serving([host], tls))

        servers = {name: serve(**options) for name, options in faults.CERTIFICATES.items()}
        servers |= {name: serve() for name in ("port", "mute", "plain")}
        servers["forbidden"] = serve("127.0.9.9")
        servers["mute"].greet = unasked(sends(b""))
        servers["plain"].greet = unasked(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        server = servers["port"]
        server.raw = {case.path: case.sent for case in CASES if not isinstance(case.sent, str)}
        faults.PORTS.update({name: s.port for name, s in servers.items()}, dead=dead_port)

        named = {case.name: case.line.format(**faults.PORTS) for case in CASES}
        named |= {url: url for url in (server.url(f"/image/{n}.png") for n in range(HONEST))}
        names = list(named)
        random.Random(5).shuffle(names)
        lines = "\n".join(named[name] for name in names)
        (folder / "urls.txt").write_text(lines, encoding="utf-8", newline="")
        settings = {**faults.SETTINGS, **resolving(faults.NAMES)}
        extensions = json.loads(str(settings["EXTENSIONS"]))
        settings["EXTENSIONS"] = json.dumps({**extensions, "tests.support.strangers.PeakMemory": 1})
        done = run_crawl(
            folder,
            env={"SSL_CERT_FILE": str(folder / "authority.pem")},
            fork=False,  # its memory is measured
            CONCURRENT_REQUESTS=100,
            CONCURRENT_REQUESTS_PER_DOMAIN=100,
            **settings,
        )
        yield Ran(
            done,
            {name: line for line, name in enumerate(names, 1)},
            server,
            servers["forbidden"],
        )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_case_has_its_row(ran: Ran, case: Case) -> None:
    """Response code, Reason, Attempts and File are just those that the case calls for."""
    row = ran.row(case)
    assert (row["Response code"], row["Reason"], int(row["Attempts"])) == case.outcome
    assert row["URL"][:60_000] == case.line.format(**faults.PORTS)[:60_000]
    assert bool(row["File"]) == case.is_kept
    if case.is_kept:
        assert row["File"].endswith(case.extension)
        content = (ran.crawl.images / row["File"]).read_bytes()
        if case.kept is not None:
            assert content == case.kept
        else:
            assert content.startswith(b"\xff\xd8\xff\xfe")


def test_the_rest_of_the_list_goes_on(ran: Ran) -> None:
    """Every line has its row, and an honest server's pictures are all kept."""
    assert ran.crawl.status == 0, ran.crawl.log
    ran.crawl.check(len(CASES) + HONEST)
    honest = [row for row in ran.crawl.rows if row["URL"] in ran.lines]
    assert [row["Response code"] for row in honest] == ["200"] * HONEST


def test_nothing_is_a_surprise(ran: Ran) -> None:
    """No error of the program's own, in the log or in a row."""
    assert "Traceback" not in ran.crawl.log, ran.crawl.log
    assert " ERROR: " not in ran.crawl.log
    assert not [row for row in ran.crawl.rows if row["Reason"] == "internal-error"]


def test_attempts_are_those_that_the_server_counted(ran: Ran) -> None:
    """Neither more nor fewer requests were sent than the rows say."""
    asked = [case for case in CASES if case.path in ran.server.raw]
    counted = {case.name: ran.server.hits[case.path] for case in asked}
    told = {case.name: int(ran.row(case)["Attempts"]) for case in asked}
    shared = {"moved to", "and fro"}  # each leads to the other
    assert {n: c for n, c in counted.items() if n not in shared} == {
        n: c for n, c in told.items() if n not in shared
    }


@pytest.mark.usefixtures("ran")
def test_what_never_ends_is_not_read_on() -> None:
    """No more is taken of an endless answer than fits between two operating systems."""
    endless = {case.name: case.sent for case in CASES if isinstance(case.sent, Endless)}
    assert {name: a.sent for name, a in endless.items() if a.sent > BUFFERS} == {}


def test_nothing_forbidden_was_connected_to(ran: Ran) -> None:
    """By address, by redirect, by a name whose address changes: no connection ever came."""
    blocked = [case for case in CASES if case.outcome[1] == "blocked-address"]
    assert len(blocked) >= 10
    assert ran.forbidden.connections == 0


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc"
)
def test_memory_stays_flat(ran: Ran) -> None:
    """Bombs of 50 MB, endless bodies and headers beside each other: less than 220 MiB in all."""
    match = re.search(r"peak memory: (\d+)", ran.crawl.log)
    assert match is not None
    assert int(match[1]) < 220
