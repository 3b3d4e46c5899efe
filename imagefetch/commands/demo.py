"""``scrapy demo``: runs a crawl of a built-in site; needs no network and no list."""

from __future__ import annotations

import argparse
import itertools
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from scrapy.commands import ScrapyCommand

from imagefetch.commands._cli import refusing_bad_input, report_in_one_line
from imagefetch.utils.command_line import check_left
from imagefetch.utils.program import command_words
from imagefetch.utils.standard_streams import print_output

ROWS_SHOWN = 12


class Command(ScrapyCommand):
    """Serves a small site on a loopback address and runs ``scrapy crawl images`` on it."""

    requires_project = True
    requires_crawler_process = False

    def short_desc(self) -> str:
        return "Fetch the pictures of a small web site on this machine, to try imagefetch"

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        super().add_options(parser)
        self.options = report_in_one_line(parser)

    def process_options(self, args: list[str], opts: argparse.Namespace) -> None:
        with refusing_bad_input():
            check_left(args, self.options, "demo")
        super().process_options(args, opts)

    def run(self, args: list[str], opts: argparse.Namespace) -> None:
        # Every command imports this module; importing the server takes a tenth of a second.
        from imagefetch.demo_site import running_site, url_list

        folder = Path(tempfile.mkdtemp(prefix="imagefetch-demo-"))
        urls, report, images = folder / "urls.txt", folder / "REPORT.csv", folder / "images"
        with running_site() as base:
            urls.write_text(url_list(base), encoding="utf-8")
            crawl = ["crawl", "images"]
            arguments = [
                "-a",
                f"urls={urls}",
                "-a",
                f"report={report}",
                "-s",
                f"FILES_STORE={images}",
                "-s",
                "ALLOWED_NETWORKS=127.0.0.0/8",
                "-s",
                "RETRY_DELAY=0.5",
            ]
            print_output(f"A small web site runs at {base} while this command does.\n")
            print_output(f"$ {shlex.join([*command_words(*crawl), *arguments])}\n")
            self.exitcode = subprocess.call([sys.executable, "-m", "scrapy", *crawl, *arguments])
        if self.exitcode == 0:
            print_output(f"\n$ head -n {ROWS_SHOWN} {shlex.quote(str(report))}\n")
            with report.open(encoding="utf-8", newline="") as file:
                for row in itertools.islice(file, ROWS_SHOWN):
                    print_output(row.rstrip())
            print_output(f"\nOpen in a browser: {report.with_suffix('.html')}")
            print_output(f"Look around: {folder}")
