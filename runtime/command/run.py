"""How every tsn command ends: one line on stderr and a documented exit code (the table is in errors.py)."""

import os
import signal
import sys
import traceback
from itertools import takewhile
from pathlib import Path
from typing import Any

import click

from tsn.runtime.command.answer import Answer, Failure
from tsn.runtime.command.signals import Interruption
from tsn.runtime.command.streams import open_streams
from tsn.runtime.errors import InputError, OutputError, Terminated, TsnError, one_line
from tsn.runtime.files import refuse_url


class FilePath(click.Path):
    """A file or folder on the command line. An empty one, of a shell's unset variable, is not the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        if isinstance(value, str):
            refuse_url(value)
        return super().convert(value, param, ctx)


FILE = FilePath(path_type=Path, readable=False)  # whether it can be read is told as an input's fault


def run_command(command: click.Command) -> None:
    """Run `command` on sys.argv and leave the process with its exit code.

    A TsnError prints as one line, and behind its traceback where TSN_DEBUG=1 asks for that. Any other exception is a
    bug and keeps its traceback, unless a signal came before: then it is what a library made of the interruption.
    With --json every end is one document on stdout.
    """
    open_streams()
    name = command.name or sys.argv[0]
    answer = Answer(wanted=_wants_json(command))
    interruption = Interruption()
    interruption.listen()
    try:
        code = command.main(prog_name=name, standalone_mode=False, obj=answer)
        answer.print()
    except BaseException as error:
        interruption.end()
        code = _fail(name, error, interruption, answer)
    interruption.end()
    sys.exit(code if isinstance(code, int) else 0)


def _wants_json(command: click.Command) -> bool:
    """Whether --json is among the words: also where click refuses them, and so does not say."""
    known = any("--json" in parameter.opts for parameter in command.params)
    return known and "--json" in takewhile(lambda word: word != "--", sys.argv[1:])


def _fail(name: str, error: BaseException, interruption: Interruption, answer: Answer) -> int:
    """Say why a command ends, and give its exit code. Raises `error` again where it is a bug."""
    failure = _failure(name, error, interruption)
    if isinstance(error, Exception) and failure.kind != "bug" and os.environ.get("TSN_DEBUG") == "1":
        traceback.print_exception(error)
    if failure.kind != "bug":
        click.echo(f"{name}: {one_line(failure.message, failure.cure)}", err=True)
    try:
        answer.print(failure)
    except OutputError as lost:
        click.echo(f"{name}: {lost.line}", err=True)
    if failure.kind == "bug":
        raise error
    return failure.exit_code


def _failure(name: str, error: BaseException, interruption: Interruption) -> Failure:
    if isinstance(error, Terminated) or interruption.number == signal.SIGTERM:
        return Failure(exit_code=143, kind="terminated", message="terminated")
    if isinstance(error, (KeyboardInterrupt, click.Abort)) or interruption.number == signal.SIGINT:
        return Failure(exit_code=130, kind="stopped", message="stopped")
    if isinstance(error, click.ClickException):
        message = error.format_message().strip().removesuffix(".")
        return Failure(exit_code=error.exit_code, kind="usage", message=message, cure=f"See {name} --help")
    if isinstance(error, OSError) and isinstance(error.filename, str):
        # A name that is too long, a folder that may not be entered: it shows wherever the file is first looked at.
        return Failure(
            exit_code=InputError.exit_code,
            kind=InputError.kind,
            message=f"{error.filename} cannot be used: {error.strerror}",
            cure="Give another file or folder",
        )
    if isinstance(error, TsnError):
        return Failure(exit_code=error.exit_code, kind=error.kind, message=error.reason, cure=error.cure)
    return Failure(exit_code=1, kind="bug", message=f"{type(error).__name__}: {error}")
