"""Settings of ``imagefetch.toml`` and of a Scrapy project, and which of them win."""

from __future__ import annotations

import csv
import tomllib
from pathlib import Path

import pytest

from imagefetch import settings
from imagefetch.cli.settings_text import meanings, template, toml, unit
from imagefetch.config.rules.numbers import Number
from imagefetch.config.rules.setting_rules import RULES
from tests.conftest import LOOPBACK
from tests.support.commands import imagefetch
from tests.support.server import Server


def shown(folder: Path, name: str, *words: str) -> str:
    """Return the line of ``imagefetch settings`` about *name*."""
    done = imagefetch(folder, "settings", *words)
    assert done.returncode == 0, done.stderr
    (line,) = [each for each in done.stdout.splitlines() if each.startswith(f"{name} = ")]
    return line


def foreign_project(folder: Path) -> None:
    """Write a Scrapy project, as ``scrapy startproject`` does, with a setting of its own."""
    (folder / "scrapy.cfg").write_text("[settings]\ndefault = shop.settings\n")
    (folder / "shop" / "spiders").mkdir(parents=True)
    (folder / "shop" / "__init__.py").touch()
    (folder / "shop" / "spiders" / "__init__.py").touch()
    (folder / "shop" / "settings.py").write_text(
        'BOT_NAME = "shop"\nSPIDER_MODULES = ["shop.spiders"]\nNEWSPIDER_MODULE = "shop.spiders"\n'
        "ADDONS = {}\nROBOTSTXT_OBEY = False\nCONCURRENT_REQUESTS_PER_DOMAIN = 1\n"
        f"RETRY_TIMES = 1\nALLOWED_NETWORKS = [{LOOPBACK!r}]\n"
    )


def test_settings_are_read_from_the_folder(tmp_path: Path, server: Server) -> None:
    """A run uses imagefetch.toml; options override it, ``--config`` names another file."""
    (tmp_path / "urls.txt").write_text(f"{server.url('/image/a.jpg')}\n")
    (tmp_path / "imagefetch.toml").write_text(
        f'ALLOWED_NETWORKS = ["{LOOPBACK}"]\nFILES_STORE = "kept"\nHTML_REPORT = false\n'
        'MIN_BYTES = "1MiB"\n'
    )
    done = imagefetch(tmp_path, "urls.txt")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "REPORT.csv").open(newline="") as file:
        assert [row["Reason"] for row in csv.DictReader(file)] == ["too-few-bytes"]
    done = imagefetch(tmp_path, "urls.txt", "--fresh", "-s", "MIN_BYTES=0")
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "kept").glob("a-*.jpg"))
    (tmp_path / "other.toml").write_text("RETRY_TIMES = 9\n")
    assert shown(tmp_path, "RETRY_TIMES", "--config", "other.toml") == (
        "RETRY_TIMES = 9  # default 4; retries"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RETRY_TIME = 3\n", "RETRY_TIME: there is no such setting; did you mean RETRY_TIMES?"),
        ("retries = 3\n", "retries: there is no such setting"),
        ("RETRY_TIMES = \n", "is not valid TOML: "),
        ('RETRY_TIMES = "many"\n', "setting RETRY_TIMES = 'many': must be "),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """With one line that names file and key."""
    (tmp_path / "urls.txt").write_text("http://127.0.0.1:9/a.jpg\n")
    (tmp_path / "imagefetch.toml").write_text(text)
    done = imagefetch(tmp_path, "urls.txt")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_settings_of_a_project_win(tmp_path: Path, server: Server) -> None:
    """In a folder of a Scrapy project, a list is fetched with the project's settings."""
    foreign_project(tmp_path)
    folder = tmp_path / "below"
    folder.mkdir()
    (folder / "urls.txt").write_text(f"{server.url('/image/a.jpg')}\n")
    (folder / "imagefetch.toml").write_text("RETRY_TIMES = 7\nRETRY_DELAY = 0.5\n")
    done = imagefetch(folder, "urls.txt")
    assert done.returncode == 0, done.stderr
    assert list((folder / "downloaded-images").glob("a-*.jpg"))
    assert (folder / "REPORT.html").exists()
    assert shown(folder, "RETRY_TIMES") == "RETRY_TIMES = 1  # default 4; retries"
    assert shown(folder, "RETRY_DELAY").startswith("RETRY_DELAY = 0.5 ")


def test_a_project_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """With one line, where Scrapy has a traceback."""
    (tmp_path / "scrapy.cfg").write_text("[settings]\ndefault = gone.settings\n")
    done = imagefetch(tmp_path, "settings")
    assert done.returncode == 2
    assert done.stderr == (
        "imagefetch: gone.settings, the settings of the Scrapy project here: "
        "can't be imported: No module named 'gone'\n"
    )


def test_a_file_with_every_setting_is_written(tmp_path: Path) -> None:
    """``settings --init`` writes each with its default, meaning and unit; it replaces no file."""
    assert imagefetch(tmp_path, "settings", "--init").returncode == 0
    path = tmp_path / "imagefetch.toml"
    assert tomllib.loads(path.read_text()) == {}
    uncommented = "\n".join(
        line.removeprefix("# ")
        for line in path.read_text().splitlines()
        if " = " in line and line.removeprefix("# ").partition(" = ")[0] in RULES
    )
    assert tomllib.loads(uncommented) == {name: getattr(settings, name) for name in RULES}
    done = imagefetch(tmp_path, "settings", "--init")
    assert (done.returncode, done.stderr) == (
        2,
        "imagefetch: imagefetch.toml: exists; it is not replaced\n",
    )


def test_every_setting_has_its_meaning_and_unit() -> None:
    """Numbers have a unit, and each setting a comment in settings.py."""
    assert [name for name in RULES if not meanings()[name]] == []
    assert [
        name for name, rule in RULES.items() if isinstance(rule, Number) and not unit(name)
    ] == []
    assert all(meanings()[name] in template() for name in RULES)


def test_values_are_shown_as_toml() -> None:
    """What is shown can be put into the file."""
    values: list[object] = ['a"b\\c\n€', True, 3, 2.5, ["a", 1], {"a b": {"c": []}}, {}]
    for value in values:
        assert tomllib.loads(f"x = {toml(value)}") == {"x": value}
