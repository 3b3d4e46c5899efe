"""A program on a terminal of its own, whose screen is read as a user reads it."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pyte

PATIENCE = 60.0  # seconds for what takes one or two


class Terminal:
    """What *command* shows on a terminal of that size."""

    def __init__(
        self, command: list[str], env: Mapping[str, str], cwd: Path, columns: int, lines: int
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, lines, history=2_000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.master, end = pty.openpty()
        self.resize(columns, lines)
        self.modes = termios.tcgetattr(end)
        self._end = end  # held, so that its modes can be read when the program is gone
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=end, stdout=end, stderr=end, start_new_session=True
        )

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    @property
    def shown(self) -> list[str]:
        """Lines of the screen."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def everything(self) -> list[str]:
        """Lines that have left the screen, then those on it."""
        past = [
            "".join(line[column].data for column in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return past + self.shown

    def read(self, seconds: float = 0.1) -> bool:
        """Take in what is written within *seconds*; False once there is nothing more to come."""
        ready, _, _ = select.select([self.master], [], [], seconds)
        if not ready:
            return self.process.poll() is None
        data = os.read(self.master, 65_536)
        self.raw += data
        self._stream.feed(data)
        return True

    def until(self, holds: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < deadline, f"never happened: {what}\n" + "\n".join(self.shown)
            self.read()

    def wait(self) -> int:
        """Return the exit status once all is read."""
        deadline = time.monotonic() + PATIENCE
        while self.read():
            assert time.monotonic() < deadline, "\n".join(self.shown)
        return self.process.wait()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)
        os.close(self._end)
