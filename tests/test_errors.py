"""The closed set of failures."""

from __future__ import annotations

import inspect
import re

import pytest

from imagefetch import errors

Entry = tuple[str, str | None, bool]  # parent's name, slug, transient

LINE = re.compile(r"^ {4}((?:│   |    )*)([├└]── )?([A-Z]\w+) *(~)? *(.*)$", re.MULTILINE)
SLUG = re.compile(r"[a-z]+(-[a-z]+)*")
CLASSES = [
    c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__
]
LEAVES = [c for c in CLASSES if issubclass(c, errors.Failure) and c is not errors.Failure]


def drawn() -> list[tuple[str, Entry]]:
    """Read the tree in the module's docstring."""
    assert errors.__doc__ is not None
    entries = []
    ancestors: list[str] = []
    for indent, branch, name, mark, text in LINE.findall(errors.__doc__):
        depth = len(indent) // 4 + bool(branch)
        ancestors[depth:] = [name]
        slug = text if SLUG.fullmatch(text) else None
        entries.append((name, (ancestors[depth - 1] if depth else "", slug, mark == "~")))
    return entries


def defined() -> dict[str, Entry]:
    """Return the same of the classes themselves."""
    return {
        c.__name__: (
            c.__mro__[1].__name__ if c.__mro__[1] in CLASSES else "",
            getattr(c, "reason", None),
            getattr(c, "transient", False),
        )
        for c in CLASSES
    }


def test_tree_is_true() -> None:
    """The drawn tree has each class once, under its parent, with its slug and its mark."""
    assert len(drawn()) == len({name for name, _ in drawn()}) >= 40
    assert dict(drawn()) == defined()


def test_no_slug_serves_two_causes() -> None:
    """Every class below the branches has a slug, and no other has the same."""
    slugs = [c.__dict__["reason"] for c in CLASSES if "reason" in c.__dict__]
    assert len(slugs) == len(set(slugs)) == sum(not c.__subclasses__() for c in CLASSES) - 1
    assert all(SLUG.fullmatch(slug) for slug in slugs)


@pytest.mark.parametrize("failure", LEAVES, ids=lambda c: c.__name__)
def test_failure_names_itself(failure: type[errors.Failure]) -> None:
    """A failure's cell for Response code is its class's name."""
    assert failure().code == f"FAILED {failure.__name__}"


@pytest.mark.parametrize("local", errors.LocalError.__subclasses__(), ids=lambda c: c.__name__)
def test_local_errors_are_never_rows(local: type[Exception]) -> None:
    """What is this machine's fault is neither a row nor an OSError, which Scrapy would retry."""
    assert not issubclass(local, (errors.Problem, OSError))


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((200, 201, 203, 207, 299), None),
        ((401, 402, 403, 407, 451), errors.Unauthorized),
        ((404, 410), errors.NotFound),
        ((429,), errors.RateLimited),
        ((400, 405, 408, 418, 425, 499), errors.ClientError),
        ((500, 503, 522, 599), errors.ServerError),
        ((100, 199, 204, 205, 206, 300, 302, 304, 399, 600, 999), errors.UnexpectedStatus),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_statuses(statuses: tuple[int, ...], expected: type[errors.Rejection] | None) -> None:
    """Each status brings a picture, or has one cause why it brings none."""
    found = [errors.rejection_of(status) for status in statuses]
    assert [f and type(f) for f in found] == [expected] * len(statuses)
