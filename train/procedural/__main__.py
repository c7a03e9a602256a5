"""python -m tsn.train.procedural FOLDER: draw every style into a folder, as PNG."""

from pathlib import Path

import click

from tsn.runtime.command.run import FILE, run_command
from tsn.train.procedural.styles import draw_all


@click.command(name="tsn.train.procedural")
@click.argument("folder", type=FILE)
def command(folder: Path) -> None:
    """Draw every style into FOLDER, as PNG."""
    draw_all(folder)


run_command(command)
