"""python -m tsn.train.fitting: the studio networks, begun close to the full pair, as a checkpoint for --init-from."""

from pathlib import Path

import click

from tsn.runtime.command.run import FILE, run_command


@click.command(name="tsn.train.fitting", context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--content", type=FILE, required=True, help="folder of photos, with all folders in it")
@click.option("--styles", type=FILE, required=True, multiple=True, help="folder of styles; repeat")
@click.option("--vgg", type=FILE, required=True, help="weights of VGG-19")
@click.option("--decoder", type=FILE, required=True, help="weights of the full decoder")
@click.option("-o", "--output", type=FILE, required=True, help="the checkpoint to write")
@click.option("--resume", is_flag=True, help="go on from the .part file that an interrupted call left")
@click.option("--crops", type=click.IntRange(8), default=3400, show_default=True, help="to train the encoder on")
@click.option("--fitted-crops", type=click.IntRange(4), default=192, show_default=True, help="to fit layers on")
@click.option("--size", type=click.IntRange(64), default=128, show_default=True, help="side of the crops, pixels")
@click.option("--steps", type=click.IntRange(0), default=850, show_default=True, help="of 12 crops, of the encoder")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True)
def command(
    content: Path,
    styles: tuple[Path, ...],
    vgg: Path,
    decoder: Path,
    output: Path,
    resume: bool,
    crops: int,
    fitted_crops: int,
    size: int,
    steps: int,
    seed: int,
    threads: int,
) -> None:
    """Fit the studio networks to VGG-19 and its decoder, then train the encoder to give VGG-19's features.

    Go on with: tsn-train --config configs/studio_config.yaml --init-from OUTPUT
    """
    import torch  # after the options: an error in those should not take the seconds of this import

    from tsn.train.fitting.job import Job, fit_studio

    torch.set_num_threads(threads)
    fit_studio(
        Job(
            content=content,
            styles=styles,
            vgg=vgg,
            decoder=decoder,
            output=output,
            resume=resume,
            crops=crops,
            fitted_crops=fitted_crops,
            size=size,
            steps=steps,
            seed=seed,
        ),
        say=lambda line: click.echo(line, err=True),
    )


if __name__ == "__main__":
    run_command(command)
