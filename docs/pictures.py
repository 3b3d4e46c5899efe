"""Creates the pictures of README and docs from `scrapy demo`: python docs/pictures.py

docs/page.png is the HTML report of its run in a real browser, docs/view.svg the terminal
during the run. Needs tests/requirements.txt and chromium.
"""

from __future__ import annotations

import re
import sys
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.style import Style
from rich.text import Text

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.conftest import environment  # noqa: E402
from tests.support.browser import Tab, browsing  # noqa: E402
from tests.support.terminal import Terminal  # noqa: E402

COLUMNS, LINES = 92, 30


def main() -> None:
    terminal = Terminal(
        [sys.executable, "-m", "scrapy", "demo"],
        {**environment(), "TERM": "xterm-256color"},
        ROOT,
        COLUMNS,
        LINES,
    )
    terminal.until(lambda: any(re.search(r"[1-9] waiting to retry", s) for s in terminal.shown), "")
    draw_screen(terminal, ROOT / "docs" / "view.svg")
    terminal.wait()
    match = re.search(r"Look around: (\S+)", "".join(terminal.everything))
    assert match is not None
    terminal.close()
    draw_page(Path(match[1], "REPORT.html"), ROOT / "docs" / "page.png")


def draw_screen(terminal: Terminal, path: Path) -> None:
    """Write the screen of *terminal* as SVG, with its colours."""
    console = Console(file=StringIO(), record=True, width=COLUMNS, force_terminal=True)
    first = next(n for n, line in enumerate(terminal.shown) if "Spider opened" in line)
    for number in range(first, LINES):
        line = Text(no_wrap=True)
        for column in range(COLUMNS):
            cell = terminal.screen.buffer[number][column]
            name = {"brown": "yellow"}.get(cell.fg, cell.fg)
            colour = f"#{name}" if re.fullmatch("[0-9a-f]{6}", name) else name
            line.append(cell.data, Style(color=colour, bold=cell.bold))
        line.rstrip()
        if line:
            console.print(line, soft_wrap=True)
    drawing = console.export_svg(title="scrapy crawl images -a urls=urls.txt", unique_id="view")
    # Its fonts would come from an outside server.
    path.write_text(re.sub(r"@font-face \{.*?\}", "", drawing, flags=re.DOTALL), encoding="utf-8")


def draw_page(page: Path, path: Path) -> None:
    """Write the upper part of *page* as a browser shows it."""
    with browsing() as browser:
        tab = Tab(browser, page, viewport={"width": 1160, "height": 1000})
        tab.page.screenshot(
            path=path, full_page=True, clip={"x": 0, "y": 0, "width": 1160, "height": 1500}
        )


if __name__ == "__main__":
    main()
