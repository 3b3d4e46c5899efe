"""Checks that the report, the store and other files of a run can be written."""

from __future__ import annotations

import re
import tempfile
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from imagefetch.errors import BadInput
from imagefetch.output.store_paths import is_remote, local_path


def check_store(store: str) -> None:
    """Check FILES_STORE.

    :raises BadInput: if it is a malformed URI, or a folder in which no file can be created
    """
    if is_remote(store) or MALFORMED.match(store):
        check_address(store)
    else:
        check_folder(local_path(store), "FILES_STORE")


def check_report(path: Path) -> None:
    """Check that the report can be written to *path*.

    :raises BadInput: if it can't
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()  # raises for a link to itself, which `exists` would not find
        if path.is_dir():
            raise BadInput(f"{path}: is a folder; name a file with -a report=PATH")
        if path.exists() and not path.is_file():  # reading a device may never end
            raise BadInput(f"{path}: is not a regular file; name another with -a report=PATH")
    except OSError as error:  # name too long, or no permission to enter a folder
        raise BadInput(f"report {path}: {error.strerror}; choose another path") from error
    check_folder(path.parent, "report")


def check_folder(path: Path, name: str) -> None:
    """Check that files can be created in the folder *path*, which need not exist.

    :raises BadInput: if they can't; *name* says what the folder is for
    """
    existing = path
    try:
        while not existing.exists() and existing != existing.parent:
            existing = existing.parent
        if not existing.is_dir():
            raise BadInput(f"{name} {path}: {existing} is not a folder; choose another path")
        tempfile.TemporaryFile(dir=existing).close()  # permission bits alone don't decide
    except OSError as error:
        raise BadInput(
            f"{name} {path}: {existing} can't be written to ({error.strerror}); choose another path"
        ) from error


def check_partial_folder(folder: Path) -> None:
    """Check that *folder*, for partial files, is a folder or can be made one.

    :raises BadInput: if something else is there, or in place of the folder that it is in
    """
    for path in (folder.parent, folder):
        if path.is_symlink() or (path.exists() and not path.is_dir()):
            raise BadInput(
                f"{path}: this path is needed for partial files, but it is not a folder; move it "
                "away, or name another FILES_STORE"
            )


def check_output(option: str, path: str) -> None:
    """Check that the file *path*, which *option* names, can be written.

    :raises BadInput: if it can't
    """
    file = Path(path)
    missing = not file.exists()
    try:
        file.open("ab").close()
        if missing:
            file.unlink()
    except OSError as error:
        raise BadInput(f"option {option}: {path} can't be written: {error.strerror}") from error


MALFORMED = re.compile(r"(?:s3a?|gs|ftps?|https?|file):(?!//)", re.I)
"""Matches a URI without its two slashes, which would otherwise be created as a folder."""

REMOTE_STORES = {
    "s3": ("s3://bucket/folder/", "botocore"),
    "gs": ("gs://bucket/folder/", "google.cloud.storage"),
    "ftp": ("ftp://user:password@host:21/folder", "ftplib"),
}
"""Scheme of FILES_STORE: an example, and the module that FilesPipeline needs for it."""


def check_address(store: str) -> None:
    """Check the URI of a remote store.

    Without the store's module, Scrapy would run without the pipeline, and rows would
    name files that were never stored. Messages don't repeat the URI: it may hold a
    password.

    :raises BadInput: if the URI is malformed or the module is missing
    """
    scheme = store.partition("://")[0]
    if scheme not in REMOTE_STORES:
        known = ", ".join(f"{name}://" for name in REMOTE_STORES)
        raise BadInput(f"setting FILES_STORE: must be a folder, or begin with one of {known}")
    example, module = REMOTE_STORES[scheme]
    try:
        parts = urlsplit(store)
        is_complete = bool(parts.hostname and parts.port if scheme == "ftp" else parts.path)
    except ValueError:
        is_complete = False
    if not (is_complete and parts.netloc):
        raise BadInput(f"setting FILES_STORE: must be written as {example}")
    try:
        import_module(module)
    except ImportError as error:
        extra = "gcs" if scheme == "gs" else scheme
        raise BadInput(
            f"setting FILES_STORE: {scheme}:// needs {module}: {error}; "
            f"pip install -r requirements-{extra}.txt (the extra imagefetch[{extra}])"
        ) from error
