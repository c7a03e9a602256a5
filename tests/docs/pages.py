"""The pages of the documentation, taken apart: code, tables, paragraphs, links."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
REFERENCE = ROOT / "docs" / "reference"
CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table of a page: the words of its cells, by row."""

    section: str  # the heading above it
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def name_of(page: Path) -> str:
    """Return the page's place in the repository, for people."""
    return page.relative_to(ROOT).as_posix()


def code_blocks(text: str) -> list[str]:
    """Return the lines that are indented by four spaces outside a list, and the fenced blocks, as written."""
    fenced = re.findall(r"^```[a-z]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    rest = without_fences(text)
    indented = re.findall(r"(?:^|\n)\n((?: {4}.*\n(?:\n(?= {4}))*)+)", "\n" + rest)
    return [*fenced, *(re.sub(r"^ {4}", "", block, flags=re.MULTILINE) for block in indented)]


def without_fences(text: str) -> str:
    """Return the text without its fenced blocks."""
    return re.sub(r"^```.*?^```\n?", "", text, flags=re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    """Return the text without fenced and indented blocks."""
    return "\n".join("" if line.startswith("    ") else line for line in without_fences(text).splitlines())


def commands(text: str) -> Iterator[str]:
    """Yield each command line of the code blocks, lines that end in a backslash joined, without what explains it."""
    for block in code_blocks(text):
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            yield re.split(r"\s{3,}|\s+#\s", line.strip())[0]


def tables(text: str) -> list[Table]:
    """Return the tables of a page in their order."""
    found: list[Table] = []
    section, rows = "", list[tuple[str, ...]]()
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            section = line.lstrip("# ")
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]))
        elif rows:
            found.append(Table(section=section, header=rows[0], rows=tuple(rows[2:])))
            rows = []
    return found


def paragraphs(text: str) -> Iterator[str]:
    """Yield the paragraphs and list items of a page, without code blocks, tables and headings."""
    for block in re.split(r"\n\s*\n", without_code(text)):
        lines = [line for line in block.splitlines() if not line.startswith(("|", "#"))]
        yield from re.split(r"\n(?=- |\d+\. )", "\n".join(lines))


def anchors(text: str) -> set[str]:
    """Return the names that links into a page can use, made from its headings as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_fences(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
