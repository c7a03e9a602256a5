"""Style transfer from file to file: the Python API, and what tsn-run calls."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from math import floor
from pathlib import Path

import cv2

from tsn.runtime.backends import open_backend
from tsn.runtime.bundle.folder import open_bundle
from tsn.runtime.bundle.manifest import library_named
from tsn.runtime.enlarge import enlarged_picture, reduced_picture
from tsn.runtime.errors import OutputError, UnavailableError, UsageError
from tsn.runtime.files import keep_part, made_folder, refuse_unwritable, refuse_url, whole_file
from tsn.runtime.frame import RGB
from tsn.runtime.geometry import Size
from tsn.runtime.output_paths import kind_of, names_folder, output_path
from tsn.runtime.pictures.folder import pictures_in, stylize_pictures
from tsn.runtime.pictures.formats import written_as
from tsn.runtime.pipeline import Stylizer, stylize_video
from tsn.runtime.report import Log, Report
from tsn.runtime.settings import FlowName, Settings
from tsn.runtime.style import StyleChoice, mixed_style
from tsn.runtime.temporal.hold import TemporalBlend, open_flow
from tsn.runtime.threads import usable_cores
from tsn.runtime.verification.engines import inaccurate_engines, verified_bundle
from tsn.runtime.video.encoders import check_container
from tsn.runtime.video.nvdec.frames import OnDevice, device_frames
from tsn.runtime.video.reader import VideoReader
from tsn.runtime.video.writer import VideoWriter

Progress = Callable[[int | None], AbstractContextManager[Callable[[int], None]]]  # the total, where it is known


def silent(total: int | None) -> AbstractContextManager[Callable[[int], None]]:
    """Show no progress at all."""
    return nullcontext(lambda done: None)


class VideoStyleTransfer:
    """A bundle on a device, ready to stylize files.

    Args:
        bundle: its folder, a file in it, or the name of one shipped with this package.
        device: a backend, as `tsn-run --list-backends` lists them; None takes the library of the engine that `bundle`
            names, and the CPU where it names none.
        threads: how many threads compute on the CPU; None takes one for each core.
        use_temporal_consistency: hold each frame of a video to the ones before it, where the settings do not say;
            None does so where the bundle has a flow network.
        log: gets a line before something that takes long and is done once.

    Raises:
        AccuracyError: an engine, on its first run on a GPU, gives something else than its network.
        BundleError: the bundle cannot be used.
        UnavailableError: the backend cannot be used here.
    """

    def __init__(
        self,
        bundle: str | Path,
        *,
        device: str | None = None,
        threads: int | None = None,
        use_temporal_consistency: bool | None = None,
        log: Log = lambda line: None,
    ) -> None:
        opened = open_bundle(bundle)
        device = device or opened.library_of(Path(bundle)) or "cpu"
        self.bundle = opened.named(Path(bundle), library_named(device))
        self.backend = open_backend(device, threads=threads)
        if self.bundle.form == "engine":
            self.bundle = verified_bundle(self.bundle, self.backend, threads=threads, log=log)
        self._threads = threads
        self._use_temporal_consistency = use_temporal_consistency

    def process_video(
        self,
        input_path: str | Path,
        style_path: str | Path,
        output_path: str | Path | None = None,
        *,
        alpha: float | None = None,
        settings: Settings | None = None,
    ) -> Report:
        """Stylize a video, a picture or a folder of pictures with one style: a picture or a named style.

        `alpha` goes before the one in `settings`. A damaged input is no error here: see the report's `missing` and
        `damaged`. Raises TsnError.
        """
        settings = settings or Settings()
        refuse_url(str(input_path))
        return self.process(
            Path(input_path),
            [StyleChoice(source=str(style_path))],
            output_path or None,
            settings=settings if alpha is None else replace(settings, alpha=alpha),
        )

    def process(
        self,
        source: Path,
        styles: Sequence[StyleChoice],
        output: str | Path | None = None,
        *,
        settings: Settings,
        progress: Progress = silent,
    ) -> Report:
        """Stylize `source` with a mix of styles into `output`, or beside `source` where that is None.

        An `output` that ends in a slash is a folder, and is made where it is not there.
        """
        if not styles:
            names = ", ".join(self.bundle.manifest.styles) or "none"
            raise UsageError(
                f"no style is given. This bundle has: {names}", cure="Add --style with one of these or a picture"
            )
        kind = kind_of(source)
        report = Report(
            kind=kind,
            input=source,
            output=output_path(source, styles, given=output, kind=kind),
            bundle=self.bundle.manifest.name,
            backend=self.backend.name,
            styles={choice.source: choice.weight for choice in styles},
            notes=inaccurate_engines(self.bundle.manifest) if self.bundle.form == "engine" else [],
        )
        if kind == "video":
            check_container(report.output, settings.codec)
        else:
            report.notes += settings.for_pictures(folder=kind == "folder")
        write = self._video if kind == "video" else self._pictures
        with made_folder(report.output.parent if names_folder(output) and kind != "folder" else None):
            write(report, styles, settings, progress)
        report.notes += self.backend.notes
        return report

    def frame_stylizer(
        self, styles: Sequence[StyleChoice], *, settings: Settings | None = None
    ) -> Callable[[RGB], RGB]:
        """Return a function that stylizes frames from Python, uint8 (height, width, 3) RGB, at the working size.

        Where the settings hold frames, give those of one scene in their order. Raises TsnError, as the function does.
        """
        settings = settings or Settings()
        stylizer = self._stylizer(styles, settings, temporal=self._temporal(settings))

        def styled(frame: RGB) -> RGB:
            size = Size(frame.shape[1], frame.shape[0])
            work = settings.working_size(size)
            return stylizer(frame) if work == size else enlarged_picture(stylizer(reduced_picture(frame, work)), frame)

        return styled

    def _video(self, report: Report, styles: Sequence[StyleChoice], settings: Settings, progress: Progress) -> None:
        gpu = not self.backend.in_host_memory
        with (
            whole_file(report.output, overwrite=settings.overwrite) as temporary,
            VideoReader(report.input, settings, working=True, gpu=gpu, on_device=self._on_device(settings)) as reader,
        ):
            cv2.setNumThreads(max(1, (self._threads or usable_cores()) // 2))  # it works beside the networks
            temporal = self._temporal(settings)
            begun = time.perf_counter()
            stylizer = self._stylizer(styles, settings, temporal=temporal, side_by_side=True)
            report.load = time.perf_counter() - begun
            stylizer.check_size(reader.work_size)
            with (
                VideoWriter(
                    temporary, source=reader, settings=settings, threads=self._threads, name=report.output, gpu=gpu
                ) as writer,
                progress(reader.expected) as show,
            ):
                try:
                    report.stages = stylize_video(reader, stylizer, writer, progress=show)
                except UnavailableError as error:
                    if writer.end:
                        raise _with_part(error, writer, temporary, report.output, settings) from error
                    raise
            if writer.written != report.stages.frames_out:
                raise OutputError(f"{report.stages.frames_out} frames were stylized, {writer.written} reached the file")
        if temporal is not None:
            report.temporal, report.cuts = True, temporal.cuts
        report.input_size, report.output_size, report.work_size = reader.input_size, reader.size, reader.work_size
        report.missing, report.damaged = reader.missing, reader.damaged
        report.decoder, report.encoder = reader.decoder, writer.encoder
        report.notes += [*writer.notes, *filter(None, [settings.strokes_note(reader.size)])]
        if gpu:
            report.notes += [f"decoder {report.decoder}", f"encoder {report.encoder}"]

    def _pictures(self, report: Report, styles: Sequence[StyleChoice], settings: Settings, progress: Progress) -> None:
        folder = report.kind == "folder"
        paths = pictures_in(report.input, most=settings.max_frames) if folder else [report.input]
        targets = {path: report.output / written_as(path).name if folder else report.output for path in paths}
        refuse_unwritable(report.output, overwrite=settings.overwrite or folder)
        begun = time.perf_counter()
        stylizer = self._stylizer(styles, settings)
        report.load = time.perf_counter() - begun
        with made_folder(report.output if folder else None), progress(len(paths)) as show:
            if folder:
                inputs = {path.resolve() for path in paths}
                for target in targets.values():
                    if target.resolve() in inputs:  # -o is another folder, that links back
                        raise OutputError(f"{target} is one of the inputs itself", cure="Give another folder with -o")
                    refuse_unwritable(target, overwrite=settings.overwrite)
            stylize_pictures(paths, targets.__getitem__, stylizer, report, settings=settings, progress=show)

    def _on_device(self, settings: Settings) -> OnDevice:
        """How decoded frames stay on the GPU, where all that reads them is there."""
        if self._flow_name(settings) == "dis":
            return "DIS reads them there"
        return device_frames(self.bundle, self.backend)

    def _flow_name(self, settings: Settings) -> FlowName | None:
        """What finds the motion by which frames are held; None where they are not."""
        asked = settings.temporal if settings.temporal is not None else self._use_temporal_consistency
        chosen = settings.flow is not None or settings.temporal_strength != 1.0  # who sets it up wants it
        wanted = "flow" in self.bundle.manifest.networks or chosen if asked is None else asked
        if not wanted:
            return None
        return settings.flow or ("raft" if "flow" in self.bundle.manifest.networks else "dis")

    def _temporal(self, settings: Settings) -> TemporalBlend | None:
        """What holds the frames of a video, if anything is to."""
        name = self._flow_name(settings)
        if name is None:
            return None
        flow = open_flow(name, self.bundle, self.backend)
        return TemporalBlend(self.bundle, self.backend, flow=flow, strength=settings.temporal_strength)

    def _stylizer(
        self,
        styles: Sequence[StyleChoice],
        settings: Settings,
        *,
        temporal: TemporalBlend | None = None,
        side_by_side: bool = False,
    ) -> Stylizer:
        return Stylizer(
            self.bundle,
            self.backend,
            style=mixed_style(self.bundle, self.backend, styles, size=settings.style_picture_size),
            alpha=settings.alpha,
            preserve_color=float(settings.preserve_color),
            temporal=temporal,
            side_by_side=side_by_side,
        )


def _with_part(
    error: UnavailableError, writer: VideoWriter, unfinished: Path, output: Path, settings: Settings
) -> UnavailableError:
    """`error`, which ended a run, with where the frames before it are: finished, in a file beside `output`."""
    try:
        writer.close(early=True)
        part = keep_part(unfinished, output)
    except OutputError as failure:
        return type(error)(f"{error}. The {writer.written} frames before are lost: {failure}", cure=error.cure)
    start = floor((writer.end + (settings.start or 0)) * 1000) / 1000  # what ends before it is not read again
    go_on = f"Go on where they end with --start {start}"
    return type(error)(
        f"{error}. The {writer.written} frames before are kept in {part}",
        cure=f"{error.cure}. {go_on}" if error.cure else go_on,
    )
