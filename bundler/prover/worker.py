"""The interpreter that proves bundles: framework first, then one request a line from stdin, one answer a line.

What bundled code prints must not get between the answers, so they go to a duplicate of stdout, and stdout itself
becomes stderr, which the other side keeps the end of.
"""

from __future__ import annotations

import dataclasses
import gc
import json
import os
import queue
import shutil
import threading
import traceback
from pathlib import Path
from typing import BinaryIO

from bundler.errors import BundleError
from bundler.keras_io import framework
from bundler.proof.request import LONGEST_REQUEST, Failure, Passed, Request, python_version
from bundler.proof.seclusion import Seclusion, cut_path
from bundler.prover.checks import CheckFailed, run_checks
from bundler.prover.hidden_files import hide_from_tensorflow

_SHOWN = 4_000
_UNREAD_SHOWN = 10


def main(arguments: list[str]) -> None:
    """Serve until stdin ends: the scratch folder, then more entries for `sys.path`."""
    scratch = Path(arguments[0])
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    cut_path(arguments[1:])
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests, lines, scratch), daemon=True).start()
    try:
        framework.keras()
    except BundleError as error:
        _send(answers, "failed", Failure(stage="load", message=str(error)))
        return
    seclusion = Seclusion([scratch])
    hide_from_tensorflow(seclusion.is_hidden)
    while True:
        answer(Request.parse(lines.get()), scratch, seclusion, answers)
        gc.collect()


def answer(request: Request, scratch: Path, seclusion: Seclusion, answers: BinaryIO) -> None:
    """Run the checks of one request and send what came out, with the stages on the way."""
    seclusion.enter(request.surroundings, request.path)
    try:
        outcome = run_checks(request, scratch, lambda stage: _send(answers, "stage", stage))
    except CheckFailed as error:
        # Before the traceback is printed, which looks for the text of every line in it.
        unread = tuple(seclusion.unread[:_UNREAD_SHOWN])
        traceback.print_exception(error.__cause__ or error)
        _send(
            answers, "failed", dataclasses.replace(error.failure, message=error.failure.message[:_SHOWN], unread=unread)
        )
        return
    versions = framework.versions()
    passed = Passed(
        checks=outcome.checks,
        python=python_version(),
        keras_version=versions[0],
        tensorflow_version=versions[1],
        uses=outcome.uses,
        refused=outcome.refused,
        untrained=outcome.untrained,
    )
    _send(answers, "passed", passed)


def _send(answers: BinaryIO, word: str, value: str | Failure | Passed) -> None:
    plain = value if isinstance(value, str) else value.value()
    answers.write(json.dumps({word: plain}).encode() + b"\n")


def _read(requests: BinaryIO, lines: queue.SimpleQueue[bytes], scratch: Path) -> None:
    """Pass the requests on; end the process at once when the other side is gone, whatever bundled code is doing."""
    while line := requests.readline(LONGEST_REQUEST):
        lines.put(line)
    # The other side cannot tidy up after itself if it was killed.
    shutil.rmtree(scratch, ignore_errors=True)
    os._exit(1)
