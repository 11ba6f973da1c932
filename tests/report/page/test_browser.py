"""The page in a real browser: nothing runs, nothing is asked for, and it fits a phone and a sheet of paper."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bundler.report.difference_page import as_html
from bundler.report.page import audit_page
from tests.diff.pairs import compared
from tests.report import samples
from tests.report.page import chromium
from tests.report.page.chromium import Browser, Page
from tests.report.test_difference import MARKUP, eventful

# In CI there is one: tests that never ran must not look like tests that passed.
pytestmark = pytest.mark.skipif(
    chromium.PROGRAM is None and not os.environ.get("CI"), reason="no Chromium here; tests/need_tools installs it"
)
PAGES = {"wine": samples.wine, "working": samples.working, "hostile": samples.hostile}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium.browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module", params=list(PAGES))
def page(request: pytest.FixtureRequest, running: Browser, tmp_path_factory: pytest.TempPathFactory) -> Page:
    path = tmp_path_factory.mktemp("page") / "audit.html"
    path.write_text(audit_page(*PAGES[request.param]()), encoding="utf-8")
    return running.open(path)


def test_browser_notices_what_a_page_does(running: Browser, tmp_path: Path) -> None:
    # Without this, a browser that is asked wrongly would make every other test here pass.
    path = tmp_path / "loud.html"
    path.write_text("<script>console.log(1)</script><img src='http://127.0.0.1:9/x'>")
    kinds = {kind for kind, _ in running.open(path).told}
    assert {"console", "script", "request"} <= kinds


def test_page_asks_for_itself_alone_and_runs_nothing(page: Page) -> None:
    own = page.evaluate("location.href")
    assert page.told == [("request", own)]


def test_page_is_the_one_that_we_wrote(page: Page) -> None:
    # A parser that mends broken markup would move or add elements.
    assert page.evaluate("document.scripts.length") == 0
    assert page.evaluate("document.querySelectorAll('main > section').length") == 7
    assert page.evaluate("document.querySelectorAll('svg span, body > :not(header):not(main):not(footer)').length") == 0
    assert page.evaluate("getComputedStyle(document.body).display") == "block"


def test_policy_lets_the_style_in(page: Page) -> None:
    assert page.evaluate("document.styleSheets.length") == 1
    assert page.evaluate("getComputedStyle(document.querySelector('.verdict')).borderLeftStyle") == "solid"


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_scrolls_sideways_but_code_and_drawing(page: Page, width: int) -> None:
    page.screen(width, 844)
    assert page.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("innerWidth") == width


def test_text_can_be_read_by_day_and_by_night(page: Page) -> None:
    colours = set()
    for dark in (False, True):
        page.screen(390, 844, dark=dark)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(colours) == 2


def test_page_prints_with_everything_unfolded(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(item => item.open = false)")
    page.call("Emulation.setEmulatedMedia", media="print")
    heights = page.evaluate("[...document.querySelectorAll('details')].map(item => item.offsetHeight)")
    page.evaluate("document.querySelectorAll('details').forEach(item => item.open = true)")
    assert heights == page.evaluate("[...document.querySelectorAll('details')].map(item => item.offsetHeight)")
    page.call("Emulation.setEmulatedMedia", media="")
    assert page.pdf().startswith(b"%PDF-")


def test_page_of_a_difference_runs_nothing_and_fits(running: Browser, tmp_path: Path) -> None:
    path = tmp_path / "diff.html"
    path.write_text(as_html(compared(eventful(MARKUP, 1), eventful(MARKUP, 2))), encoding="utf-8")
    page = running.open(path)
    assert page.told == [("request", page.evaluate("location.href"))]
    assert page.evaluate("getComputedStyle(document.querySelector('ins')).textDecorationLine") == "none"
    for width in (320, 390, 768, 1280):
        page.screen(width, 844)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        inside = "item => item.offsetWidth < item.parentElement.offsetWidth"
        assert page.evaluate(f"[...document.querySelectorAll('details > table')].every({inside})")
