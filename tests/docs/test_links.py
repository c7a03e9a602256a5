"""Links lead somewhere, and files and modules that are named are there."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import CODE, PAGES, ROOT, anchors, name_of, without_code

LINK = re.compile(r"\]\(([^)\s]+)\)")
FILE = re.compile(r"(?<![\w/.*-])((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|yml|json|toml))\b")
SOURCES = [
    path
    for pattern in (
        "runtime/**/*.py",
        "export/**/*.py",
        "train/**/*.py",
        "benchmarks/**/*.py",
        "configs/*.yaml",
        "runtime/**/LICENSE*",
    )
    for path in sorted(ROOT.glob(pattern))
]
USERS_OWN = ("runs/", "measured/", "after/", "before/", "starry/", "benchmarks/results/gpu-runner/")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_of_a_page_leads_to_a_file_and_to_a_heading_in_it(page: Path) -> None:
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, heading = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), link
        if heading:
            assert heading in anchors(target.read_text(encoding="utf-8")), link


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_that_a_page_names_by_its_path_is_there(page: Path) -> None:
    text = LINK.sub("", page.read_text(encoding="utf-8"))
    for path in FILE.findall(text):
        if not path.startswith(USERS_OWN):
            assert (ROOT / path).is_file(), path


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_file_that_a_page_names_without_its_folder_is_somewhere(page: Path) -> None:
    names = {path.name for path in (*ROOT.glob("*/**/*.py"), *ROOT.glob("*.py"))}
    for code in CODE.findall(without_code(page.read_text(encoding="utf-8"))):
        if re.fullmatch(r"\w+\.py", code):
            assert code in names, code


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_module_that_a_page_runs_is_there(page: Path) -> None:
    for module in re.findall(r"-m (tsn[\w.]+)", page.read_text(encoding="utf-8")):
        assert find_spec(module) is not None, module


def test_every_page_that_the_code_names_is_there() -> None:
    named = {(page, path) for path in SOURCES for page in re.findall(r"docs/[\w/]+\.md", path.read_text("utf-8"))}
    assert named
    assert [f"{path}: {page}" for page, path in named if not (ROOT / page).is_file()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        links = (link.partition("#")[0] for link in LINK.findall(page.read_text(encoding="utf-8")))
        waiting += [(page.parent / link).resolve() for link in links if link.endswith(".md") and "://" not in link]
    assert set(PAGES) - reached == set()
