"""Programs that draw on a terminal: keys go in, and what they wrote is waited for and searched."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Sequence
from pathlib import Path

ROWS, COLUMNS = 200, 120  # tall, so that whole pages stand on one screen
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b.|[\x00-\x08\x0e-\x1f]")
PATIENCE = 30.0  # seconds that words may take to appear
REDRAW_SECONDS = 0.5
QUIET = 0.15  # seconds without a word: the program waits for keys


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command: Sequence[str], home: Path):
        home.mkdir(parents=True, exist_ok=True)
        own = {"TERM": "vt100", "HOME": str(home), "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], list(command), own)  # the child: never returns
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.written = ""
        self.seen = 0  # how much of it was waited for already

    def read(self, seconds: float) -> bool:
        """Take in what comes; False when nothing came for so long, or nothing will."""
        ready, _, _ = select.select([self.descriptor], [], [], seconds)
        if not ready:
            return False
        try:
            came = os.read(self.descriptor, 65536)
        except OSError:  # the program ended
            return False
        self.written += came.decode("utf-8", "replace")
        return bool(came)

    def settle(self) -> None:
        """Wait until the program has drawn all that it wants to."""
        while self.read(QUIET):
            pass

    def wait_for(self, words: str, redraw: str = "") -> None:
        """Wait until this was written since the last wait; blanks do not count, programs jump over them.

        They also write only what changed, so that words may come in pieces; the `redraw` key has all of it written anew.
        """
        deadline = time.monotonic() + PATIENCE
        while "".join(words.split()) not in self.fresh:
            if time.monotonic() > deadline:
                raise AssertionError(f"“{words}” did not appear; the end of what did:\n{self.fresh[-2000:]}")
            if not self.read(REDRAW_SECONDS) and redraw:
                os.write(self.descriptor, redraw.encode())
        self.settle()
        self.seen = len(self.written)

    @property
    def fresh(self) -> str:
        """What was written since the last wait, without control sequences and blanks."""
        return "".join(CONTROL.sub("", self.written[self.seen :]).split())

    def press(self, *keys: str) -> None:
        """Press keys one after the other, each when the one before was dealt with."""
        for key in keys:
            os.write(self.descriptor, key.encode())
            self.settle()

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)
