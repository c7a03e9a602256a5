"""What a command prints with --json: one document on stdout, however it ends."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import click


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a command failed."""

    exit_code: int
    kind: str  # "usage", "input": the name of the error, see runtime/errors.py; "stopped", "terminated" or "bug"
    message: str
    cure: str = ""


class Answer:
    """The one document of a command. It waits until the command ends, for an error becomes part of it.

    Args:
        wanted: whether the command was asked for JSON.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self.document: Mapping[str, object] | None = None

    def print(self, failure: Failure | None = None) -> None:
        """Print the document, with the failure as its `error`. Raises OutputError."""
        if not self._wanted or (self.document is None and failure is None):
            return
        error = {} if failure is None else {"error": asdict(failure)}
        click.echo(json.dumps({**(self.document or {}), **error}, indent=2))


def answer_with(document: Mapping[str, object]) -> None:
    """Make `document` what the command that runs prints when it ends."""
    answer = click.get_current_context().find_object(Answer)
    assert answer is not None, "commands are run by run_command"
    answer.document = document
