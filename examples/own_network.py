"""Export a checkpoint of tsn-train to a bundle, then stylize with it, all from Python.

python examples/own_network.py model.pth painting.jpg in.mp4 -o mine/

It needs the extra `export`. Without a checkpoint at hand, train one for ten steps:
tsn-train --config smoke --content photos/ --styles paintings/ -o runs/smoke
"""

import argparse
from pathlib import Path

from tsn.export.job import ExportRequest, export_bundle
from tsn.runtime import Settings, VideoStyleTransfer


def main() -> None:
    """Read the command line, export, and stylize."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("painting", type=Path, help="is stored in the bundle as the style `painting`")
    parser.add_argument("film", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True, help="the bundle's folder")
    words = parser.parse_args()

    manifest = export_bundle(
        ExportRequest(
            checkpoint=words.checkpoint, styles={"painting": words.painting}, style_size=512, output=words.output
        ),
        log=print,
    )
    for name, network in manifest.networks.items():
        if network.accuracy is not None:
            print(f"{name}: {network.accuracy.psnr_db:.0f} dB from PyTorch")

    transfer = VideoStyleTransfer(words.output)  # from here on nothing needs torch
    report = transfer.process_video(words.film, "painting", settings=Settings(temporal=True))
    print(f"{report.output}: {report.stages.frames_out} frames, {report.frames_per_second:.1f} frames/s")


if __name__ == "__main__":
    main()
