"""Processes of SCOC that end with the one that started them, however that one died: `python -m ….children serve`.

The parent holds one end of a pipe and never writes: when it is gone, killed too, the child reads the end of it.
"""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

STOP_SECONDS = 20.0
"""Whoever has not stopped by then is killed."""
Child = subprocess.Popen[bytes]


def start(command: Sequence[str], environment: Mapping[str, str]) -> Child:
    """Run `scoc <command>` beside this process, in a session of its own: Ctrl-C reaches this process alone."""
    return subprocess.Popen(  # noqa: S603  # ourselves
        [sys.executable, "-m", "scoc.rehearsal.children", *command],
        env=environment, stdin=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def end(children: Sequence[Child]) -> None:
    """Stop them, the last one first; whoever hangs is killed."""
    for child in reversed(children):
        if child.poll() is None:
            child.terminate()
    until = time.monotonic() + STOP_SECONDS
    for child in reversed(children):
        try:
            child.wait(max(0.1, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _watch_parent() -> None:
    # Nobody writes: this returns when the parent is gone. Not through `sys.stdin`, whose lock a thread that still
    # waits would hold against the end of the interpreter.
    os.read(0, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Be the child: the command, and a look at the parent."""
    threading.Thread(target=_watch_parent, name="watch-parent", daemon=True).start()
    runpy.run_module("scoc", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
