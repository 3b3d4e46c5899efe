"""The sub-commands of ``imagefetch``: what each takes, and what ``scrapy`` runs for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click

from imagefetch import __version__
from imagefetch.cli import options
from imagefetch.cli.group import Commands, Files
from imagefetch.errors import BadInput
from imagefetch.utils.standard_streams import print_output

LIST = "A list: a path, an address (https://…), or - for standard input."

FETCH_EXAMPLES = """\b
Examples:
  imagefetch urls.txt
  imagefetch products.csv --columns image_url,thumb_url --to images
  imagefetch urls.txt --per-host 8 --referer https://shop.example/
  imagefetch urls.txt --only failed
  imagefetch urls.txt --fresh --report june.csv
  imagefetch fetch report          # a list named like a command; also ./report
"""

REPORT_EXAMPLES = """\b
Examples:
  imagefetch report
  imagefetch report june.csv --urls june.txt --to images
  imagefetch report --html
"""

FLEET_EXAMPLES = """\b
Examples:
  imagefetch fleet urls.txt
  imagefetch fleet urls.txt --workers 8 --only failed
  imagefetch fleet urls.txt --scheduler tcp://10.0.0.1:8786 --job s3://bucket/job
"""

SETTINGS_EXAMPLES = """\b
Examples:
  imagefetch settings
  imagefetch settings --init
"""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=FETCH_EXAMPLES,
)
@click.version_option(__version__, message="imagefetch %(version)s")
def cli() -> None:
    """Fetch the images of a LIST of URLs, and write REPORT.csv with a row for each.

    LIST is a text file with one URL a line, or a table (CSV, JSON Lines, Parquet): a path, an
    address, or - for standard input. The same command resumes after an interruption.

    Exit status: 0 finished, whatever single URLs did; 2 bad input; 3 ended early.
    """


def command(
    name: str, short: str, meaning: str, epilog: str, *params: click.Parameter
) -> Callable[[Callable[..., None]], click.Command]:
    """Return a decorator that makes a function the command *name*; *meaning* follows *short*."""
    text = f"{short}\n\n{meaning}"
    return cli.command(name, help=text, short_help=short, epilog=epilog, params=[*params])


def hand_over(
    verb: Sequence[str], values: dict[str, Any], urls: str | None, **more: Any
) -> NoReturn:
    """Run ``scrapy`` *verb* with the *values* of the options, and exit with its status."""
    from imagefetch.cli import project

    context = click.get_current_context()
    project.choose_settings(values.get("config"), **more)
    listed = [] if urls is None else ["-a", f"urls={urls}"]
    given = [*options.words(context.command.params, values)]
    if verb == ["fleet"]:
        given = [*project.for_other_machines(), *given]
    project.hand_over([*verb, *listed, *given], values.get("config"))


@command(
    "fetch",
    "Fetch the images of a list.",
    "`imagefetch LIST` is the same. Without LIST, it is that of the setting INPUT_URLS: urls.txt.",
    FETCH_EXAMPLES,
    click.Argument(["urls"], metavar="[LIST]", required=False, type=Files()),
    *options.fetching(),
    options.Passed(
        ["-o", "--output"], "-o", "Also write the rows to this file.", metavar="FILE", multiple=True
    ),
    options.Passed(
        ["-O", "--overwrite-output"],
        "-O",
        "The same; replaces the file.",
        metavar="FILE",
        multiple=True,
    ),
    *options.others(),
)
def fetch(urls: str | None, **values: Any) -> None:
    hand_over(["crawl", "images"], values, urls)


@command(
    "fleet",
    "Fetch a list on all cores, or on a Dask cluster.",
    "Exit statuses and rows are those of `imagefetch LIST`.",
    FLEET_EXAMPLES,
    click.Argument(["urls"], metavar="[LIST]", required=False, type=Files()),
    options.Passed(
        ["--workers"], "--workers", "Processes on this machine; default: its cores.", metavar="N"
    ),
    options.Passed(
        ["--scheduler"],
        "--scheduler",
        "Address of a Dask cluster: tcp://host:8786.",
        metavar="ADDRESS",
    ),
    options.Passed(
        ["--dashboard"],
        "--dashboard",
        "Serve Dask's dashboard there; needs bokeh.",
        metavar="HOST:PORT",
    ),
    options.Argument(
        ["--job"], "job", "The job folder, for clusters: a path or s3://….", metavar="ADDRESS"
    ),
    *options.fetching(),
    *options.others(),
)
def fleet(urls: str | None, **values: Any) -> None:
    hand_over(["fleet"], values, urls)


@command(
    "report",
    "Verify that list, report and images agree.",
    "The report is REPORT.csv unless another one is named.\n\n"
    "Exit status: 0 complete, 1 inconsistent, 2 bad input, 3 consistent but not finished.",
    REPORT_EXAMPLES,
    click.Argument(["path"], metavar="[REPORT]", required=False, type=Files()),
    options.Argument(["--urls"], "urls", LIST, metavar="LIST"),
    options.report_path(),
    options.store(),
    options.columns(),
    options.Passed(
        ["--sort"], "--sort", "Write the report in the order of the list.", is_flag=True
    ),
    options.Passed(
        ["--remove-strays"],
        "--remove-strays",
        "Remove files that no row names and that belong to this report.",
        is_flag=True,
    ),
    options.Passed(
        ["--html"], "--html", "Write the HTML report from the report alone.", is_flag=True
    ),
    *options.others(),
)
def report(path: str | None, **values: Any) -> None:
    named = [] if path is None else ["-a", f"report={path}"] if not path else [path]
    hand_over(["report", *named], values, None)


@command("demo", "Try imagefetch on a small web site on this machine.", "It needs no network.", "")
def demo() -> None:
    hand_over(["demo"], {}, None, layers=False)


@command(
    "settings",
    "Show every setting: value, default, unit.",
    "Values are those in force in this folder. Change one in imagefetch.toml, by -s NAME=VALUE, or "
    "by an option.",
    SETTINGS_EXAMPLES,
    click.Option(
        ["--init"],
        is_flag=True,
        help="Write imagefetch.toml with every setting, default and unit as comments.",
    ),
    options.config(),
)
def settings(init: bool, config: str | None) -> None:
    from imagefetch.cli import settings_text
    from imagefetch.cli.config_file import NAME
    from imagefetch.cli.project import choose_settings

    if init:
        path = Path(config or NAME)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(settings_text.template())
        except FileExistsError:
            raise BadInput(f"{path}: exists; it is not replaced") from None
        except OSError as error:
            raise BadInput(f"{path}: can't be written: {error.strerror}") from error
        print_output(f"{path}: edit it; `imagefetch` reads it in this folder")
        return
    choose_settings(config)
    from scrapy.utils.project import get_project_settings

    for line in settings_text.listing(get_project_settings()):
        print_output(line)
