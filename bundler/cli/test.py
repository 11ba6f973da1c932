"""``kbundle test FILE``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import warnings
from typing import TYPE_CHECKING, Any

from bundler.archive.reader import BundleReader, check_digest, open_bundle
from bundler.cli.load_options import add_loading_arguments, load_options
from bundler.cli.progress_bar import shown_progress
from bundler.errors import BundleError, RefusalWarning, SelfTestFailed
from bundler.report.terminal_text import shown

if TYPE_CHECKING:
    from bundler.keras_io.selftest.recording import Replay
    from bundler.namespace.guard import Use

NO_SELF_TEST = "have the author pack the model with example_inputs=, which records one"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    add_loading_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Load the bundle, replay its self-test, and say how far the outputs are from the recorded ones.

    It fails too where the code reached for what nobody accepted, also if the code caught that and went on: what it
    computes then is not what the author tested.
    """
    with open_bundle(options.file) as reader:
        check_digest(reader, options.digest)
        # Before the framework is imported and the code is run for nothing.
        if reader.manifest.self_test is None:
            raise SelfTestFailed("this bundle has no self-test", place=options.file, hint=NO_SELF_TEST)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        digest = reader.digest
        result, failure = None, None
        try:
            result = _replayed(options, reader)
        except BundleError as error:
            failure = error
    used, refused, denied = _recorded(digest)
    if failure is not None and not refused:
        raise failure
    problem = result.problem if result is not None else str(failure).partition("\n  next step:")[0]
    passed = problem is None and not refused
    if options.json:
        facts = {
            "path": options.file,
            "digest": digest,
            "passed": passed,
            **_numbers(result),
            "problem": problem,
            "used": [dataclasses.asdict(use) for use in used],
            "refused": [dataclasses.asdict(use) for use in refused],
        }
        print(json.dumps(facts, indent=2))
        return 0 if passed else 1
    if refused:
        print(f"{shown(options.file)}: failed: the bundle's code reached for what nobody accepted")
        _print_uses(refused)
        print(f"  next step: {_way_out(options, refused, denied)}")
        if problem is not None:
            print(f"  and then: {shown(problem, 2_000)}")
    elif result is not None:
        print(f"{shown(options.file)}: {_outcome(result)}")
    if used:
        print("  what it used, since you accepted that:")
        _print_uses(used)
    return 0 if passed else 1


def _replayed(options: argparse.Namespace, reader: BundleReader) -> Replay:
    from bundler.keras_io.selftest.recording import replay
    from bundler.unpacking.unbundling import load

    with shown_progress() as progress, warnings.catch_warnings():
        # The command says itself what was refused.
        warnings.simplefilter("ignore", RefusalWarning)
        model = load(reader, load_options(options, progress=progress))
    return replay(model, reader)


def _recorded(digest: str) -> tuple[tuple[Use, ...], tuple[Use, ...], frozenset[str]]:
    """Return what the code of the bundle used, what it was refused, and what no word accepts."""
    from bundler.namespace import loaded_namespaces

    for tree in loaded_namespaces():
        if tree.digest == digest and tree.guard is not None:
            return tree.guard.record.used, tree.guard.record.refused, tree.guard.denied
    return (), (), frozenset()


def _numbers(result: Replay | None) -> dict[str, Any]:
    names = ("largest_difference", "absolute_tolerance", "relative_tolerance", "deterministic")
    if result is None:
        return dict.fromkeys(names)
    # Infinite where shapes differ, which JSON cannot say.
    difference = result.largest_difference if math.isfinite(result.largest_difference) else None
    return {**{name: getattr(result, name) for name in names}, "largest_difference": difference}


def _outcome(result: Replay) -> str:
    from bundler.keras_io.selftest.output_difference import Tolerances

    if result.problem is not None:
        return f"failed: {shown(result.problem)}"
    if not result.deterministic:
        return "passed; the model is random, so only shapes and dtypes were compared"
    allowed = Tolerances(absolute=result.absolute_tolerance, relative=result.relative_tolerance)
    return f"passed; largest difference {result.largest_difference:.3g}, allowed {allowed}"


def _print_uses(uses: tuple[Use, ...]) -> None:
    for use in uses:
        print(f"    {shown(use.capability)}: {shown(use.place)}: {shown(use.what)}")


def _way_out(options: argparse.Namespace, refused: tuple[Use, ...], denied: frozenset[str]) -> str:
    words = {use.capability for use in refused}
    if words & denied:
        return f"the policy closes {', '.join(sorted(words & denied))} for good; ask the author to do without it"
    accepted = sorted(words.union(options.allow))
    return f"if you accept that, pass {' '.join(f'--allow {word}' for word in accepted)}"
