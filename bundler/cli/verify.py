"""``kbundle verify FILE``."""

from __future__ import annotations

import argparse
import json

from bundler.archive.reader import check_digest, open_bundle
from bundler.cli.progress_bar import shown_progress
from bundler.report.terminal_text import shown, size_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument("--digest", metavar="SHA256", help="also check that this is the bundle with this digest")


def run(options: argparse.Namespace) -> int:
    """Check the bundle's layout, manifest and the bytes of every member."""
    with open_bundle(options.file) as reader:
        check_digest(reader, options.digest)
        with shown_progress() as progress:
            reader.verify(progress)
        facts = {
            "path": options.file,
            "digest": reader.digest,
            "members": len(reader.names),
            "size": reader.size,
            "verified": True,
        }
    if options.json:
        print(json.dumps(facts, indent=2))
    else:
        print(
            f"{shown(options.file)}: every byte of {facts['members']} members "
            f"({size_text(reader.size)}) is as its manifest says\n  {reader.digest}"
        )
    return 0
