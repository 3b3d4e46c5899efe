"""Imports between rooms go one way, as CONTRIBUTING.md draws it; tests mirror the rooms."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import imagefetch

ROOT = Path(imagefetch.__file__).parent
TESTS = Path(__file__).parent

# From the bottom to the top: a room imports those before it, and itself.
ORDER = [
    "utils",
    "images",
    "output",
    "download",
    "pages",
    "scheduling",
    "engine",
    "middlewares",
    "lists",
    "config",
    "job",
    "spiders",
    "stats",
    "html_report",
    "fleet",
    "commands",
    "cli",
]

# Files outside of rooms: what they count as.
TOP = {
    "__init__": "utils",
    "__main__": "cli",
    "addons": "utils",
    "context": "utils",
    "demo_site": "utils",
    "errors": "utils",
    "item_processor": "job",
    "items": "utils",
    "line": "utils",
    "logformatter": "utils",
    "meta": "utils",
    "pipelines": "output",
    "settings": "utils",
    "signals": "utils",
    "urls": "utils",
}

# Page objects of users' own are on the floor of the project's.
SAME = {"sites": "pages"}

# Rooms that import fewer than their place allows.
ONLY = {"scheduling": {"scheduling", "utils"}, "engine": {"engine", "utils"}}

# Imports that break the rule and are still there: (importer, imported) and why.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def name_of(path: Path) -> str:
    """Return a module's name below the package: ``utils.text``; a package's is its folder's."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): path for path in sorted(ROOT.rglob("*.py"))}


def room_of(module: str) -> str:
    first = module.partition(".")[0]
    return TOP.get(first) or SAME.get(first, first)


def statements(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    """Yield the imports in *node*, but for those that only type checkers read."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not (isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"):
            yield from statements(child)


def imports(path: Path) -> set[str]:
    """Return the modules of this package that the one at *path* imports, anywhere in it."""
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            assert not node.level, f"{path}:{node.lineno}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            below = name.removeprefix("imagefetch.")
            if below == name:
                continue
            found.add(below if below in MODULES else below.rpartition(".")[0] or "__init__")
    return found


IMPORTS = {module: imports(path) for module, path in MODULES.items()}


def test_imports_go_downwards() -> None:
    upward = {
        (module, other)
        for module, others in IMPORTS.items()
        for other in others
        if ORDER.index(room_of(other)) > ORDER.index(room_of(module))
        or room_of(other) not in ONLY.get(room_of(module), ORDER)
    }
    assert upward == EXCEPTIONS.keys()


def test_no_module_imports_itself_through_others() -> None:
    TopologicalSorter(
        {
            module: {other for other in others if (module, other) not in EXCEPTIONS}
            for module, others in IMPORTS.items()
        }
    ).prepare()  # raises CycleError, which names them


def test_components_are_found_through_the_context() -> None:
    """No module casts to a class of another room: `RunContext` has what components share."""
    casts = {
        (module, str(node.args[0].value))
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "cast"
        and isinstance(node.args[0], ast.Constant)
    }
    classes = {
        node.name: room_of(module)
        for module, path in MODULES.items()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    assert {
        (module, name)
        for module, name in casts
        if classes.get(name, room_of(module)) != room_of(module)
    } == set()


def test_every_file_is_in_a_room() -> None:
    outside = {name for name in MODULES if "." not in name and MODULES[name].parent == ROOT}
    assert outside <= TOP.keys()
    assert {name.partition(".")[0] for name in MODULES} - outside == {*ORDER, *SAME}


def test_every_room_says_what_it_does() -> None:
    for room in (
        name for name, path in MODULES.items() if path.stem == "__init__" and name != "__init__"
    ):
        text = ast.get_docstring(ast.parse(MODULES[room].read_text(encoding="utf-8"))) or ""
        assert text.count(".") >= 2, f"{room} needs a docstring of two or three sentences"
        assert not room.startswith("_")


def test_no_test_module_is_imported() -> None:
    """What two of them share is in `tests.support`."""
    imported = {
        (str(path.relative_to(TESTS)), name)
        for path in TESTS.rglob("*.py")
        for node in statements(ast.parse(path.read_text(encoding="utf-8")))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}.{alias.name}" for alias in node.names]
        )
        if name.startswith("tests.") and ".test_" in name
    }
    assert imported == set()


def test_contributing_names_every_room() -> None:
    """CONTRIBUTING.md has each room in its table, and names no file that does not exist."""
    text = (ROOT.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.rglob("*/__init__.py")}
    assert {room for room in rooms - {"sites"} if f"| `{room}/` |" not in text} == set()
    folders = (ROOT, *(ROOT.parent / name for name in ("tests", "docs", "benchmarks")))
    files = {path.as_posix() for folder in folders for path in folder.rglob("*.*")}
    named = set(re.findall(r"`([\w./]+\.(?:py|md))`", text))
    assert {name for name in named if not any(f.endswith(f"/{name}") for f in files)} == set()


def test_no_group_is_possessive() -> None:
    """Python before 3.11.5 matches possessive groups, as ``(?:a|b)*+``, wrongly: an atomic group,
    ``(?>(?:a|b)*)``, is the same."""
    found = {
        module: match[0]
        for module, path in MODULES.items()
        if (match := re.search(r"\)(?:[*+?]|\{[0-9,]+\})\+", path.read_text(encoding="utf-8")))
    }
    assert found == {}
