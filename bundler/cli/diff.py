"""``kbundle diff BEFORE AFTER``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from bundler.archive.atomic import require_writable_target, whole_file, write_all
from bundler.cli.progress_bar import shown_progress
from bundler.diff.bundles import diff_bundles
from bundler.report.difference import as_json, as_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("before", metavar="BEFORE", help="a bundle")
    parser.add_argument("after", metavar="AFTER", help="the bundle to compare with it")
    parser.add_argument("--stat", action="store_true", help="only say what changed, without lines and values")
    parser.add_argument("--html", metavar="OUT", help="also write one page that needs no network and runs no script")
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    # As git: a script that only wants to show a difference should not fail. 1 is also what a refusal ends with, so
    # whoever asks for it gets "a check failed" for both, and 3 still means that a file is not a bundle.
    parser.add_argument(
        "--exit-code", action="store_true", help="end with 1 if anything differs (default: 0, whatever is found)"
    )


def run(options: argparse.Namespace) -> int:
    """Print what changed; 0, or with --exit-code 1 where anything differs."""
    page = None if options.html is None else Path(options.html)
    if page is not None:
        require_writable_target(page, overwrite=options.overwrite)
    with shown_progress() as progress:
        difference = diff_bundles(options.before, options.after, progress=progress)
    if page is not None:
        from bundler.report.difference_page import as_html

        with whole_file(page, overwrite=options.overwrite) as file:
            write_all(file, as_html(difference).encode("utf-8", errors="backslashreplace"))
    if options.json:
        print(json.dumps(as_json(difference), indent=2))
    else:
        print(as_text(difference, stat=options.stat), end="")
    return 1 if options.exit_code and not difference.same else 0
