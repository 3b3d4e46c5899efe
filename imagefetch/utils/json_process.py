"""A process of its own for what may crash, hang or eat memory: it takes nothing else with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import weakref
from contextlib import suppress
from typing import IO, Any, cast


class Child:
    """Runs a module of this project's that answers one line of JSON with another.

    It ends with its standard input, and so with this program.
    """

    def __init__(
        self, module: str, *arguments: object, niceness: int = 0, lingers: bool = False
    ) -> None:
        """*lingers*: whether it may do something more when this program has ended.

        :raises OSError: if no process can be begun
        """
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={
                **os.environ,
                # What this process finds its modules by; an egg may be among it.
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                # Address space is bounded, and glibc reserves 64 MiB for each thread else.
                "MALLOC_ARENA_MAX": "1",
            },
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C is for the run, which ends this
        )
        if niceness:
            with suppress(AttributeError, OSError):  # none on Windows
                os.setpriority(os.PRIO_PROCESS, self.process.pid, niceness)
        if not lingers:
            weakref.finalize(self, self.process.kill)  # however this program ends

    def ask(self, question: Any) -> Any:
        """Return what is answered; None if the process ended over it."""
        try:
            request = cast("IO[str]", self.process.stdin)
            request.write(json.dumps(question) + "\n")
            request.flush()
            return json.loads(cast("IO[str]", self.process.stdout).readline())
        except (OSError, ValueError):
            return None

    def end(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):
                cast("IO[str]", pipe).close()
