"""Runs code that may crash, hang or exhaust memory in a subprocess, with JSON over its pipes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from contextlib import suppress
from typing import IO, Any, cast


class JSONProcess:
    """A subprocess that runs a module of this project: a line of JSON in, a line of JSON out.

    It ends at the end of its standard input, and so with this program.
    """

    def __init__(
        self, module: str, *arguments: object, niceness: int = 0, lingers: bool = False
    ) -> None:
        """*lingers*: whether the subprocess may continue after this program has ended.

        :raises OSError: if the subprocess can't be started
        """
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                # The import path of this process, which may include an egg.
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                # Address space is limited, and glibc reserves 64 MiB per thread by default.
                "MALLOC_ARENA_MAX": "1",
            },
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C must reach the run only, which ends this
        )
        if niceness:
            with suppress(AttributeError, OSError):  # none on Windows
                os.setpriority(os.PRIO_PROCESS, self.process.pid, niceness)
        if not lingers:
            weakref.finalize(self, self.process.kill)  # in any case, however this program ends

    def ask(self, question: Any) -> Any:
        """Send *question* and return the reply; None if the subprocess ended or sent no JSON."""
        try:
            request = cast("IO[str]", self.process.stdin)
            request.write(json.dumps(question) + "\n")
            request.flush()
            return json.loads(cast("IO[str]", self.process.stdout).readline())
        except (OSError, ValueError):
            return None

    def end(self) -> None:
        """Kill the subprocess and close its pipes."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                cast("IO[str]", pipe).close()
