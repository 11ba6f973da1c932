"""``kbundle extract FILE DIR``."""

from __future__ import annotations

import argparse
import json

from bundler.archive.extract import extract
from bundler.archive.reader import open_bundle
from bundler.cli.progress_bar import shown_progress
from bundler.report.terminal_text import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument("directory", metavar="DIR", help="the folder to write; made if it is not there")
    parser.add_argument("--overwrite", action="store_true", help="write into a folder that is not empty")


def run(options: argparse.Namespace) -> int:
    """Write every member below the folder, each checked against its digest."""
    with open_bundle(options.file) as reader, shown_progress() as progress:
        written = extract(reader, options.directory, overwrite=options.overwrite, progress=progress)
        digest = reader.digest
    if options.json:
        print(json.dumps({"directory": options.directory, "digest": digest, "files": [str(path) for path in written]}))
    else:
        print(f"{len(written)} files written below {shown(options.directory)}")
    return 0
