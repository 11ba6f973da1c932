"""``kbundle inspect FILE``."""

from __future__ import annotations

import argparse
import json

from bundler.archive.reader import open_bundle
from bundler.report.inspection import as_json, as_text, inspection_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")


def run(options: argparse.Namespace) -> int:
    """Print what the bundle says about itself."""
    with open_bundle(options.file) as reader:
        inspection = inspection_of(reader)
    print(
        json.dumps(as_json(inspection), indent=2) if options.json else as_text(inspection),
        end="" if not options.json else "\n",
    )
    return 0
