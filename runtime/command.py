"""How every tsn command ends: one line on stderr and a documented exit code (the table is in errors.py)."""

import os
import signal
import sys
from types import FrameType

import click

from tsn.runtime.errors import Terminated, TsnError


def run_command(command: click.Command) -> None:
    """Run `command` on sys.argv and leave the process with its exit code.

    A TsnError prints without a traceback, unless TSN_DEBUG=1 asks for one. Any other exception is a bug and keeps its
    traceback.
    """
    name = command.name or sys.argv[0]
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    try:
        code = command.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except TsnError as error:
        if os.environ.get("TSN_DEBUG") == "1":
            raise
        click.echo(f"{name}: {error}", err=True)
        code = error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo(f"{name}: stopped", err=True)
        code = 130
    except Terminated:
        click.echo(f"{name}: terminated", err=True)
        code = 143
    sys.exit(code if isinstance(code, int) else 0)


def _stop(number: int, _frame: FrameType | None) -> None:
    for both in (signal.SIGINT, signal.SIGTERM):  # a second Ctrl-C must not interrupt the clean-up
        signal.signal(both, signal.SIG_IGN)
    if number == signal.SIGTERM:
        raise Terminated
    raise KeyboardInterrupt
