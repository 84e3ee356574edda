"""Headless Chromium, for the tests of what people look at in a browser. The session `browser` runs them."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

from selenium import webdriver

_TIMEOUT = 120


@contextmanager
def chromium(profile: Path, *arguments: str, width: int = 1280, height: int = 900) -> Iterator[webdriver.Chrome]:
    """A browser that reaches nothing but this machine, with an empty profile."""
    options = webdriver.ChromeOptions()
    options.binary_location = _found("chromium", "google-chrome")
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        f"--user-data-dir={profile}",
        f"--window-size={width},{height}",
        *arguments,
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options, webdriver.ChromeService(_found("chromedriver")))
    try:
        browser.set_script_timeout(_TIMEOUT)
        yield browser
    finally:
        browser.quit()


def _found(*programs: str) -> str:
    """The path of the first of these programs that is there."""
    paths = [path for program in programs if (path := shutil.which(program))]
    assert paths, f"{' or '.join(programs)} is not installed: apt-get install chromium chromium-driver"
    return paths[0]


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + _TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


class Response(NamedTuple):
    """What a server answers."""

    content: bytes
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = {}


@contextmanager
def served(answer: Callable[[str], Response | None]) -> Iterator[str]:
    """The address of a server on this machine.

    Args:
        answer: What it answers to a path; None for what is not found.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            response = answer(self.path.partition("?")[0])
            if response is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.content)))
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.content)

        def log_message(self, *args: object) -> None:
            """The tests' output is not the place."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def requests(browser: webdriver.Chrome) -> list[str]:
    """The addresses that pages have asked others for since this was called last: not the browser's own, nor data."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    addresses = [
        message["params"]["request"]["url"] for message in messages if message["method"] == "Network.requestWillBeSent"
    ]
    return [address for address in addresses if not address.startswith(("chrome:", "data:"))]
