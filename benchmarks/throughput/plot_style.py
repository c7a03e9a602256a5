"""What the plots of a report look alike in: colours, marks, names."""

from matplotlib.axes import Axes

# Paul Tol's bright and muted schemes, without their greys: told apart in print and by the colour-blind.
SERIES = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#66CCEE", "#AA3377")
STAGES = {
    "decode": "#88CCEE",
    "upload": "#DDCC77",
    "stylize": "#332288",
    "flow": "#117733",
    "blend": "#44AA99",
    "download": "#999933",
    "encode": "#CC6677",
    "other": "#AA4499",
}
UNKNOWN_STAGE = "#661100"
MARKERS = "os^Dvp*X"
INK, FAINT = "#222222", "#DDDDDD"


def line_name(bundle: str, row: str, mode: str) -> str:
    """The name of a row in a plot."""
    return f"{bundle} {row}" if mode == "frame-wise" else f"{bundle} {row} {mode}"


def heading(axes: Axes, text: str) -> None:
    """Put a title over a plot."""
    axes.set_title(text, loc="left", color=INK, fontweight="bold")


def plain(axes: Axes) -> None:
    """Take away what holds no figures."""
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(FAINT)
    axes.tick_params(labelsize=8, colors=INK)
