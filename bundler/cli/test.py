"""``kbundle test FILE``."""

from __future__ import annotations

import argparse
import json
import math
import os

from bundler.archive.pin import check_digest
from bundler.archive.reader import open_bundle
from bundler.cli.loading import add_loading_arguments, load
from bundler.cli.progress import shown_progress
from bundler.errors import SelfTestFailed
from bundler.report.text import shown

NO_SELF_TEST = "have the author pack the model with example_inputs=, which records one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    add_loading_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Load the bundle, replay its self-test and say how far the outputs are from the recorded ones."""
    with open_bundle(options.file) as reader:
        check_digest(reader, options.digest)
        # Before the framework is imported and the code is run for nothing.
        if reader.manifest.self_test is None:
            raise SelfTestFailed("this bundle has no self-test", place=options.file, hint=NO_SELF_TEST)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        from bundler.keras_io.comparison import Tolerances
        from bundler.keras_io.selftest import replay

        with shown_progress() as progress:
            model = load(options, reader, progress=progress)
        result = replay(model, reader)
        digest = reader.digest
    passed = result.problem is None
    # Infinite where shapes differ, which JSON cannot say.
    difference = result.largest_difference if math.isfinite(result.largest_difference) else None
    if options.json:
        facts = {
            "path": options.file,
            "digest": digest,
            "passed": passed,
            "largest_difference": difference,
            "absolute_tolerance": result.absolute_tolerance,
            "relative_tolerance": result.relative_tolerance,
            "deterministic": result.deterministic,
            "problem": result.problem,
        }
        print(json.dumps(facts, indent=2))
        return 0 if passed else 1
    allowed = Tolerances(absolute=result.absolute_tolerance, relative=result.relative_tolerance)
    if not passed:
        print(f"{shown(options.file)}: failed: {shown(result.problem)}")
    elif not result.deterministic:
        print(f"{shown(options.file)}: passed; the model is random, so only shapes and dtypes were compared")
    else:
        print(f"{shown(options.file)}: passed; largest difference {result.largest_difference:.3g}, allowed {allowed}")
    return 0 if passed else 1
