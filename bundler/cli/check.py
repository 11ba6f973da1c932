"""``kbundle check FILE``."""

from __future__ import annotations

import argparse
import json

from bundler.archive.reader import open_bundle
from bundler.report.machine_table import as_text
from bundler.requirements.admit import MODES, refused
from bundler.requirements.api import as_json
from bundler.requirements.compare import compare


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument("--all", action="store_true", help="show what is as locked, too")
    parser.add_argument(
        "--requirements",
        choices=[mode for mode in MODES if mode != "ignore"],
        default="check",
        help="strict: fail for any version that is not the locked one (default: check)",
    )


def run(options: argparse.Namespace) -> int:
    """Print how this machine differs from the lock, and the command that mends it; 1 if a load would be refused."""
    with open_bundle(options.file) as reader:
        comparison = compare(reader.manifest, reader.manifest.payload)
        digest, hashes = reader.digest, reader.manifest.requirements.hashes
    rows = refused(comparison, options.requirements)
    if options.json:
        facts = {"path": options.file, "digest": digest, "hashes": hashes, **as_json(comparison, options.requirements)}
        print(json.dumps(facts, indent=2))
    else:
        print(as_text(options.file, comparison, options.requirements, everything=options.all), end="")
    return 1 if rows else 0
