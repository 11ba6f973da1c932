"""Headless Chromium over its debugging pipe: what a browser does with a page, without any package but the browser.

Messages are JSON with a NUL behind each: ours go to the browser's file descriptor 3, its own come from 4.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --disable-dev-shm-usage --disable-extensions --remote-debugging-pipe"
)
#: Events that a page which only shows itself never causes.
_TOLD = {
    "Page.javascriptDialogOpening": "dialog",
    "Runtime.consoleAPICalled": "console",
    "Runtime.exceptionThrown": "exception",
    "Log.entryAdded": "log",
    "Debugger.scriptParsed": "script",
}


@dataclass
class Page:
    """One open page, and what the browser told about it: (kind, text)."""

    browser: Browser
    session: str
    told: list[tuple[str, str]] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """The value of our own expression; the page itself still runs nothing."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def screen(self, width: int, height: int, *, dark: bool = False) -> None:
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self, path: Path, *, clip: tuple[int, int, int, int] | None = None) -> None:
        parameters: dict[str, Any] = {"format": "png", "captureBeyondViewport": clip is not None}
        if clip is not None:
            parameters["clip"] = dict(zip(("x", "y", "width", "height"), clip, strict=True), scale=1)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **parameters)["data"]))

    def pdf(self) -> bytes:
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])


class Browser:
    """A running browser with an empty profile."""

    def __init__(self, profile: Path) -> None:
        assert PROGRAM is not None
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()

        def arrange() -> None:
            # Copies above 10 first, so that neither end is overwritten before it is in its place.
            low, high = os.dup2(to_read, 20), os.dup2(to_write, 21)
            os.dup2(low, 3)
            os.dup2(high, 4)

        self._process = subprocess.Popen(
            [PROGRAM, *_FLAGS.split(), f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=arrange,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_read)
        os.close(to_write)
        self._buffer = b""
        self._number = 0
        self._pages: dict[str, Page] = {}

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Send one command and return its result; events that come before it are noted."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next(120)
            if answer.get("id") == message["id"]:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result

    def open(self, path: Path) -> Page:
        """Open a file and wait until it is loaded and has been still for a moment."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "Debugger"):
            page.call(f"{domain}.enable")
        page.told.clear()
        page.call("Page.navigate", url=path.as_uri())
        end = time.monotonic() + 60
        while page.evaluate("document.readyState") != "complete" or page.evaluate("location.protocol") != "file:":
            assert time.monotonic() < end
            time.sleep(0.05)
        time.sleep(0.5)
        page.call("Page.getLayoutMetrics")
        return page

    def close(self) -> None:
        try:
            self.call("Browser.close")
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(30)
        os.close(self._write)
        os.close(self._read)

    def _next(self, seconds: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._read], [], [], seconds)[0], "the browser says nothing"
            data = os.read(self._read, 1 << 20)
            assert data, "the browser is gone"
            self._buffer += data
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(raw)
        self._note(message)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        page = self._pages.get(message.get("sessionId", ""))
        method, parameters = message.get("method"), message.get("params", {})
        if page is None:
            return
        if method == "Network.requestWillBeSent":
            page.told.append(("request", parameters["request"]["url"]))
        # A script without an address is an expression of our own.
        elif method in _TOLD and (method != "Debugger.scriptParsed" or parameters.get("url")):
            page.told.append((_TOLD[method], json.dumps(parameters)[:400]))


@contextmanager
def browser(profile: Path) -> Iterator[Browser]:
    """A browser for as long as the block."""
    running = Browser(profile)
    try:
        yield running
    finally:
        running.close()
