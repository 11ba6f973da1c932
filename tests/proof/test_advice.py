"""Which line of the author's failed in a fresh interpreter, and what to write there."""

from __future__ import annotations

import dataclasses

import pytest

from bundler.manifest import Module
from bundler.proof.advice import author_place, change_for
from bundler.proof.interpreter import _OF_TENSORFLOW
from tests.manifest import samples

TEXT = b"""import os, sys
RATE = float(sys.argv[1])
KEY = os.environ["KEY"]
N = compute()


def f():
    return 1 / 0
"""


def test_a_place_is_a_file_and_a_line() -> None:
    module = Module(name="a.b", member="code/a/b.py", package=False, reason="x")
    manifest = dataclasses.replace(samples.full(), modules=(module,))
    assert author_place("a.b, line 3", manifest) == ("a/b.py", 3)
    assert author_place("/layers/0", manifest) == ("/layers/0", None)
    assert author_place(None, manifest) == ("", None)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (2, "sys.argv[1] if len(sys.argv) > 1 else"),
        (3, "os.environ.get(name, default)"),
        (4, "runs when the module is imported"),
        (8, None),
    ],
)
def test_the_change_is_about_the_line(line: int, words: str | None) -> None:
    found = change_for("a/b.py", line, {"a.b": ("code/a/b.py", TEXT)}, "KeyError: 1")
    assert (words in (found or "")) if words else found is None


@pytest.mark.parametrize(
    "line",
    [
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR",
        "I0000 00:00:1796046061.616760   16260 port.cc:153] oneDNN custom operations are on.",
        "2026-11-30 13:41:02.123456: I tensorflow/core/util/port.cc:153] oneDNN custom operations are on.",
        "To enable the following instructions: AVX2 FMA, in other operations, rebuild TensorFlow.",
    ],
)
def test_what_tensorflow_says_while_it_starts_is_no_last_word(line: str) -> None:
    assert _OF_TENSORFLOW.match(line)
    assert not _OF_TENSORFLOW.match("ValueError: I0000 is not a number")


def test_a_file_that_did_not_travel_goes_beside_the_module() -> None:
    found = change_for("a/b.py", 4, {"a.b": ("code/a/b.py", TEXT)}, "FileNotFoundError: [Errno 2] ...: 'data/a.txt'")
    assert found is not None
    assert "beside __file__" in found
