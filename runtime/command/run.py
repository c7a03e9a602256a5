"""How every tsn command ends: one line on stderr and a documented exit code (the table is in errors.py)."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from tsn.runtime.command.signals import Interruption
from tsn.runtime.command.streams import open_streams
from tsn.runtime.errors import InputError, Terminated, TsnError


class FilePath(click.Path):
    """A file or folder on the command line. An empty one, of a shell's unset variable, is not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


FILE = FilePath(path_type=Path)


def run_command(command: click.Command) -> None:
    """Run `command` on sys.argv and leave the process with its exit code.

    A TsnError prints without a traceback, unless TSN_DEBUG=1 asks for one. Any other exception is a bug and keeps its
    traceback, unless a signal came before: then it is what a library made of the interruption.
    """
    open_streams()
    name = command.name or sys.argv[0]
    interruption = Interruption()
    interruption.listen()
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except BaseException as error:
        interruption.end()
        code = _failed(name, error, interruption)
    interruption.end()
    sys.exit(code if isinstance(code, int) else 0)


def _failed(name: str, error: BaseException, interruption: Interruption) -> int:
    """Say why a command ends, and give its exit code. Raises `error` again where it is a bug."""
    if isinstance(error, Terminated) or interruption.number == signal.SIGTERM:
        click.echo(f"{name}: terminated", err=True)
        return 143
    if isinstance(error, (KeyboardInterrupt, click.Abort)) or interruption.number == signal.SIGINT:
        click.echo(f"{name}: stopped", err=True)
        return 130
    if isinstance(error, click.ClickException):
        error.show()
        return error.exit_code
    if isinstance(error, OSError) and isinstance(error.filename, str) and os.environ.get("TSN_DEBUG") != "1":
        # A name that is too long, a folder that may not be entered: it shows wherever the file is first looked at.
        click.echo(f"{name}: {error.filename} cannot be used: {error.strerror}. Give another file or folder", err=True)
        return InputError.exit_code
    if isinstance(error, TsnError) and os.environ.get("TSN_DEBUG") != "1":
        click.echo(f"{name}: {error.line}", err=True)
        return error.exit_code
    raise error
