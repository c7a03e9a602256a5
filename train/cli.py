"""tsn-train: photos and styles in, checkpoints out."""

import types
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import click

from tsn.runtime.command.run import FILE, run_command
from tsn.runtime.errors import UsageError
from tsn.train.config import Config


def _config_flags(command: click.Command) -> click.Command:
    """Add every key of the config as a flag of the same name."""
    for name, field in reversed(Config.model_fields.items()):
        flag, kind = f"--{name.replace('_', '-')}", field.annotation
        if isinstance(kind, types.UnionType):
            kind = get_args(kind)[0]
        options: dict[str, Any] = {"help": field.description, "default": None, "show_default": str(field.default)}
        if kind is bool:
            command.params.append(click.Option([f"{flag}/--no-{flag[2:]}"], **options))
        else:
            choice = click.Choice(get_args(kind)) if get_origin(kind) is Literal else kind
            command.params.append(click.Option([flag], type=choice, **options))
    return command


@_config_flags
@click.command("tsn-train", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--content", type=FILE, required=True, help="folder of photos, with all folders in it")
@click.option(
    "--styles", type=FILE, required=True, multiple=True, help="folder of styles; each of several has the same share"
)
@click.option("-o", "--output", type=FILE, required=True, help="folder of the run: checkpoints, logs, pictures")
@click.option(
    "--config",
    "config_file",
    type=FILE,
    help="YAML file of keys, or the name of a shipped one, such as default; flags go before it",
)
@click.option("--vgg", type=FILE, help="weights of VGG-19; downloaded where not given")
@click.option("--init-from", type=FILE, help="checkpoint, run's folder or bundle whose networks to begin with")
@click.option("--resume", is_flag=True, help="go on from the newest checkpoint in the output folder")
@click.option("--device", type=click.Choice(["auto", "cuda", "cpu"]), default="auto", show_default=True)
@click.option("--threads", type=click.IntRange(1), help="threads that compute on a CPU")
@click.option("--quiet", is_flag=True, help="say nothing but errors")
def command(
    content: Path,
    styles: tuple[Path, ...],
    output: Path,
    config_file: Path | None,
    vgg: Path | None,
    init_from: Path | None,
    resume: bool,
    device: str,
    threads: int | None,
    quiet: bool,
    **flags: Any,
) -> None:
    """Train a style transfer network; each key of the config is also a flag."""
    if resume and init_from is not None:
        raise UsageError("--init-from begins a run and --resume goes on with one: leave one of them out")
    try:
        from tsn.train.config_file import read_config

        config = read_config(config_file, flags=flags)
        import torch  # after the config: its errors should not take the seconds of this import

        from tsn.train.distributed import open_world
        from tsn.train.loop import train
        from tsn.train.setup import Places, prepare
        from tsn.train.summary import finish
    except ModuleNotFoundError as error:
        from tsn.runtime.extras import not_installed

        raise not_installed(error, extra="train") from error

    if threads is not None:
        torch.set_num_threads(threads)
    places = Places(content=content, styles=styles, output=output, vgg=vgg, start=init_from, resume=resume)
    with open_world(device) as world:
        run = prepare(config, places, world, quiet=quiet)
        try:
            with run.report.progress:
                train(run)
            finish(run)
        finally:
            run.report.close()


def main() -> None:
    """Run tsn-train."""
    run_command(command)


if __name__ == "__main__":
    main()
