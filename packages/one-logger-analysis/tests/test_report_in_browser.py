"""The report, opened in a browser."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from chromium import Response, chromium, requests, served, wait_until
from recorded import Recorded
from selenium.webdriver import Chrome
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from synthetic_plan import DOCUMENTED
from synthetic_run import write_run

from one_logger.analysis import Run
from one_logger.analysis.report import write_report

pytestmark = pytest.mark.browser

JENKINS = {"Content-Security-Policy": "sandbox; default-src 'none'; img-src 'self'; style-src 'self'"}
"""What Jenkins serves artifacts with: https://www.jenkins.io/doc/book/security/configuring-content-security-policy"""

Shown = Callable[..., AbstractContextManager[Chrome]]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of the run that the documentation shows."""
    folder = tmp_path_factory.mktemp("run")
    write_run(DOCUMENTED, folder / "records")
    with Run.open(folder / "records") as run:
        write_report(run, folder / "report.html")
    return folder / "report.html"


@pytest.fixture
def shown(report: Path, tmp_path: Path) -> Shown:
    """A function that opens the report in a browser."""

    @contextmanager
    def show(*arguments: str, headers: dict[str, str] | None = None, page: Path = report) -> Iterator[Chrome]:
        def answer(path: str) -> Response | None:
            return Response(page.read_bytes(), headers=headers or {}) if path == "/" else None

        with served(answer) as address, chromium(tmp_path / "profile", *arguments, width=1400, height=1100) as browser:
            requests(browser)
            browser.get(address)
            yield browser
            assert requests(browser) == [address], "nothing but the page itself is asked for"

    return show


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[Chrome, str], None]:
    """A function that keeps a picture of what is shown: where the session `browser` says, for the documentation."""
    folder = Path(os.environ.get("ONE_LOGGER_SCREENSHOTS", tmp_path))

    def shoot(browser: Chrome, name: str) -> None:
        assert browser.save_screenshot(folder / name)

    return shoot


def problems(browser: Chrome) -> list[str]:
    """What the browser complains about."""
    return [entry["message"] for entry in browser.get_log("browser")]


def place(browser: Chrome, element_id: str, x: float, y: float) -> tuple[int, int]:
    """Where a place in a picture, in the picture's units, is in the window, once it is in its middle."""
    found = browser.execute_script(
        """
        const [id, x, y] = arguments;
        const at = () => new DOMPoint(x, y).matrixTransform(document.getElementById(id).getScreenCTM());
        scrollBy(0, at().y - innerHeight / 2);
        return [at().x, at().y];
        """,
        element_id,
        x,
        y,
    )
    return round(found[0]), round(found[1])


def drag(browser: Chrome, start: float, end: float) -> None:
    """Drag over the timeline, from a place to another to the right."""
    actions = ActionBuilder(browser)
    actions.pointer_action.move_to_location(*place(browser, "timeline", start, 50)).pointer_down()
    actions.pointer_action.move_to_location(*place(browser, "timeline", end, 50)).pointer_up()
    actions.perform()


def hover(browser: Chrome, element_id: str, x: float, y: float) -> list[str]:
    """Move the pointer to a place in a picture, in the picture's units, and read what is said of it."""
    actions = ActionBuilder(browser)
    actions.pointer_action.move_to_location(*place(browser, element_id, x, y))
    actions.perform()
    return browser.find_element(By.ID, "tip").text.splitlines()


def background(browser: Chrome) -> str:
    """The colour of the page."""
    return str(browser.execute_script("return getComputedStyle(document.body).backgroundColor"))


def test_the_page_asks_for_nothing_and_complains_about_nothing(
    shown: Shown, keep: Callable[[Chrome, str], None]
) -> None:
    """The report opens without a request to anyone and without a word in the console."""
    with shown() as browser:
        assert "train" in browser.find_element(By.TAG_NAME, "h1").text
        assert problems(browser) == []
        assert browser.find_elements(By.ID, "forbidden") == []
        keep(browser, "report.png")


def test_the_timeline_can_be_zoomed(shown: Shown, keep: Callable[[Chrome, str], None]) -> None:
    """Dragging over a part shows it closer: its times are on the axis, and each span has words of its own."""
    with shown() as browser:
        svg = browser.find_element(By.ID, "timeline")
        first = [text.text for text in svg.find_elements(By.CSS_SELECTOR, "g.axis text")]
        assert first[0] == "0 s"

        drag(browser, 560, 630)

        axis = [text.text for text in svg.find_elements(By.CSS_SELECTOR, "g.axis text")]
        assert axis != first
        assert svg.get_attribute("data-zoomed") == "true"
        name, rank, took, start = hover(browser, "timeline", 700, 60)
        assert name in {"model_forward", "model_backward", "all_reduce", "optimizer_update", "data_loading"}
        assert rank == "rank 0"
        assert took.startswith("took ")
        assert start.startswith("from 2026-")
        keep(browser, "report-timeline.png")

        browser.find_element(By.XPATH, "//button[text()='Whole run']").click()
        assert [text.text for text in svg.find_elements(By.CSS_SELECTOR, "g.axis text")] == first
        for key in "+", "+", "-":
            svg.send_keys(key)
        assert svg.get_attribute("data-zoomed") == "true"
        assert problems(browser) == []


def test_pictures_say_what_is_under_the_pointer(shown: Shown) -> None:
    """In each picture the pointer is told the numbers of what it is on."""
    with shown() as browser:
        path, numbers = hover(browser, "breakdown", 300, 60)
        assert path == "training_loop/training_single_iteration/all_reduce"
        assert "1,199 spans" in numbers
        title, *values = hover(browser, "steps", 600, 100)
        assert title.startswith("step")
        assert values[0].startswith("median")
        rank, ratio = hover(browser, "heat", 600, 40)
        assert rank.startswith("rank 1, step")
        assert ratio.startswith("1.")
        assert problems(browser) == []


def test_marks_say_what_happened(shown: Shown) -> None:
    """Where records are missing the timeline has a mark, and says how many."""
    with shown() as browser:
        x, y = browser.execute_script(
            "const data = JSON.parse(document.getElementById('timeline-data').textContent);"
            "const at = data.marks.findIndex(mark => mark[1] === 'dropped');"
            "const box = document.querySelectorAll('#timeline g.marks > g')[at].getBBox();"
            "return [box.x + box.width / 2, box.y + 3]"
        )
        assert hover(browser, "timeline", x, y)[:2] == ["20 records were dropped", "rank 3"]


def test_light_and_dark_follow_the_system_and_the_button(shown: Shown) -> None:
    """The page is as dark as the system, a button changes that, and the choice is kept."""
    with shown() as browser:
        light = background(browser)
        browser.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
        )
        dark = background(browser)
        assert light != dark
        button = browser.find_element(By.ID, "theme")
        # The colours change at once, but a script hears of that a frame or two later.
        wait_until(lambda: button.text == "Light")
        button.click()
        assert background(browser) == light
        assert button.text == "Dark"
        assert browser.execute_script("return localStorage.getItem('one-logger-theme')") == "light"
        assert problems(browser) == []


def test_tables_can_be_sorted(shown: Shown) -> None:
    """A click on the head of a column sorts by it, another one the other way round, a third one as it was."""
    with shown() as browser:
        table = browser.find_element(By.CSS_SELECTOR, "#where table")

        def names() -> list[str]:
            return [cell.text.strip() for cell in table.find_elements(By.CSS_SELECTOR, "tbody td:first-child")]

        head = table.find_element(By.XPATH, ".//button[text()='longest']")
        written = names()
        head.click()
        most = names()
        assert most[0] == "training_loop"
        head.click()
        assert names()[0].removesuffix(" *") in {"optimizer_update", "data_loading"}
        assert sorted(names()) == sorted(written)
        head.click()
        assert names() == written


def test_a_sandbox_with_scripts_keeps_the_page_working(shown: Shown) -> None:
    """Where a viewer allows scripts but no storage, all works but that the choice of light or dark is kept."""
    with shown(headers={"Content-Security-Policy": "sandbox allow-scripts"}) as browser:
        before = background(browser)
        browser.find_element(By.ID, "theme").click()
        assert background(browser) != before
        drag(browser, 400, 600)
        assert browser.find_element(By.ID, "timeline").get_attribute("data-zoomed") == "true"
        assert problems(browser) == []


def test_the_page_can_be_read_where_scripts_and_styles_are_forbidden(shown: Shown) -> None:
    """By Jenkins' policy the verdict, the tables and the coloured pictures are there, and a hint to download it."""
    with shown(headers=JENKINS) as browser:
        body = browser.find_element(By.TAG_NAME, "body").text
        for words in ("Rank 1 is 39 % slower", "30 records are missing", "model_backward", "download the file"):
            assert words in body
        assert browser.find_elements(By.ID, "theme") == []
        svg = browser.find_element(By.ID, "timeline")
        assert svg.rect["width"] > 1000
        assert svg.rect["height"] > 300
        colours = {path.value_of_css_property("stroke") for path in svg.find_elements(By.CSS_SELECTOR, "g.spans path")}
        assert {"rgb(76, 127, 191)", "rgb(63, 156, 143)"} <= colours
        sizes = {
            cell.value_of_css_property("text-align") for cell in browser.find_elements(By.CSS_SELECTOR, "#where td.n")
        }
        assert sizes == {"-webkit-right"}


def test_a_saved_page_works_from_a_file(shown: Shown, report: Path, tmp_path: Path) -> None:
    """A report that was downloaded works without any server."""
    with chromium(tmp_path / "file-profile") as browser:
        requests(browser)
        browser.get(report.as_uri())
        assert browser.find_element(By.ID, "theme").is_displayed()
        assert requests(browser) == [report.as_uri()]
        assert problems(browser) == []


def test_a_printed_page_has_everything(shown: Shown) -> None:
    """On paper the evidence is there, too, and what can only be clicked is not."""
    with shown() as browser:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
        details = browser.find_element(By.CSS_SELECTOR, "#verdict details dl")
        assert not browser.find_element(By.CSS_SELECTOR, "#verdict details").get_attribute("open")
        assert details.rect["height"] > 0
        assert not browser.find_element(By.ID, "theme").is_displayed()
        pages = base64.b64decode(browser.print_page())
        assert pages.startswith(b"%PDF")


def test_names_are_no_code_in_a_browser(shown: Shown, tmp_path: Path) -> None:
    """Names that are code elsewhere are words here: nothing of them runs, also not when they are hovered over."""
    name = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>\x1b[31m\u202egnp"
    attributes: dict[str, Any] = {"service.name": name, "one_logger.session_tag": name}
    run = Recorded(0, name, **attributes)
    for number in range(30):
        run.span(f"{number}", number * 10**9, (number + 1) * 10**9, name=name)
    error: dict[str, Any] = {"message": name, "exception_type": name}
    run.event(name, 5, "5", "error", error=error).write(tmp_path)
    page = tmp_path / "report.html"
    with Run.open(tmp_path / "0000.jsonl") as opened:
        write_report(opened, page)

    with shown(page=page) as browser:
        said = hover(browser, "timeline", 600, 38)
        assert said[0].startswith("</script><script>")
        assert "\\x1b[31m\\u202egnp" in browser.find_element(By.TAG_NAME, "h1").text
        assert browser.execute_script("return window.hacked") is None
        assert browser.execute_script("return document.images.length") == 0
        assert problems(browser) == []
        wait_until(lambda: browser.execute_script("return document.readyState") == "complete")
