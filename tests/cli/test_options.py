"""Each option of ``imagefetch`` stands for a setting or an argument."""

from __future__ import annotations

import csv
from pathlib import Path

from imagefetch import settings
from imagefetch.cli.options import Mapped, Setting, fetching
from imagefetch.config.rules.setting_rules import RULES
from tests.conftest import LOOPBACK, ROOT
from tests.support.commands import imagefetch
from tests.support.server import Server


def test_options_stand_for_settings() -> None:
    """Each names its setting in its help."""
    named = {option.opts[0]: option for option in fetching() if isinstance(option, Setting)}
    assert {flag: option.to for flag, option in named.items()} == {
        "--to": "FILES_STORE",
        "--name": "FILES_NAME",
        "--columns": "URL_COLUMNS",
        "--referer": "REFERER",
        "--header": "DEFAULT_REQUEST_HEADERS",
        "--concurrency": "CONCURRENT_REQUESTS",
        "--per-host": "CONCURRENT_REQUESTS_PER_DOMAIN",
        "--retries": "RETRY_TIMES",
        "--allow-network": "ALLOWED_NETWORKS",
    }
    for option in named.values():
        assert option.to in RULES
        assert hasattr(settings, option.to)
        assert option.to in (option.help or "")


def test_the_page_names_every_option() -> None:
    """In its table of options, with the setting or argument."""
    text = (ROOT / "docs" / "command.md").read_text(encoding="utf-8")
    for option in fetching():
        (row,) = [
            line
            for line in text.splitlines()
            if line.startswith(f"| `{option.opts[0]} ") or line.startswith(f"| `{option.opts[0]}`")
        ]
        assert isinstance(option, Mapped)
        assert option.to in row


def test_a_run_obeys_the_options(tmp_path: Path, server: Server) -> None:
    """Headers are added to the default ones, images named and rows written as told."""
    (tmp_path / "list.csv").write_text(f"sku,photo\n7,{server.url('/image/a.jpg')}\n")
    done = imagefetch(
        tmp_path,
        *("list.csv", "--columns", "photo", "--to", "images", "--name", "{stem}/{hash}{ext}"),
        *("--report", "rows.csv", "--referer", "https://shop.example/"),
        *("--header", "X-Key: a: b", "--header", "accept: image/png", "--retries", "0"),
        *("--concurrency", "8", "--per-host", "4", "--allow-network", "10.0.0.0/8"),
        *("--allow-network", LOOPBACK, "-s", "HTML_REPORT=no", "-o", "copy.jsonl"),
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "rows.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["sku"] == "7"
    assert row["File"].startswith("a/")
    assert (tmp_path / "images" / row["File"]).exists()
    assert (tmp_path / "copy.jsonl").exists()
