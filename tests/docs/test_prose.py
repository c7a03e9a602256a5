"""Paragraphs that can be read: short ones, in the pages that are read first."""

from pathlib import Path

import pytest

from tests.docs.pages import ROOT, name_of, paragraphs

MOST_IN_PARAGRAPH = 80  # words
MOST_IN_ITEM = 60
READ_FIRST = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs" / "guide").glob("*.md"))]


@pytest.mark.parametrize("page", READ_FIRST, ids=name_of)
def test_no_paragraph_is_longer_than_80_words_and_no_list_item_than_60(page: Path) -> None:
    for paragraph in paragraphs(page.read_text(encoding="utf-8")):
        most = MOST_IN_ITEM if paragraph.lstrip().startswith("- ") else MOST_IN_PARAGRAPH
        assert len(paragraph.split()) <= most, f"{name_of(page)}: {paragraph}"
