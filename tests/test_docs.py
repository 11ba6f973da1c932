"""Documents name files that exist: a path that leads nowhere was left behind by a move."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[1]
_PAGES = [*sorted(_ROOT.glob("docs/**/*.md")), *sorted(_ROOT.glob("*.md"))]
_PATH = re.compile(r"`((?:[a-z_0-9]+/)+[a-z_0-9]+(?:\.py|\.json|/)?)`")
_LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("page", _PAGES, ids=[str(page.relative_to(_ROOT)) for page in _PAGES])
def test_names_only_files_that_exist(page: Path) -> None:
    text = page.read_text()
    missing = [link for link in _LINK.findall(text) if not (page.parent / link).exists()]
    if page.name != "CHANGELOG.md":  # that tells of files as they were
        tops = [_ROOT, _ROOT / "bundler"]
        paths = [path for path in _PATH.findall(text) if any((top / path.split("/")[0]).is_dir() for top in tops)]
        missing += [path for path in paths if not any((top / path).exists() for top in tops)]
    assert missing == []
