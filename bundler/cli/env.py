"""``kbundle env FILE [DIR]``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex

from bundler.archive.reader import check_digest, open_bundle
from bundler.cli.progress_bar import shown_progress
from bundler.report.terminal_text import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument(
        "directory",
        metavar="DIR",
        nargs="?",
        help="where to make it; without it, in the cache, where the next call finds it (kbundle cache)",
    )
    add_environment_arguments(parser)
    parser.add_argument("--digest", metavar="SHA256", help="only if this is the bundle with this digest")


def add_environment_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say how an environment is made."""
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="the Python to make it from: a path, a name, or a version such as 3.12 (default: nearest to the author's)",
    )
    parser.add_argument(
        "--allow-unchecked",
        action="store_true",
        help="also install packages that have no hash, are built from source, or come from another place than an index",
    )
    parser.add_argument("--offline", action="store_true", help="ask no package index: use what is here already")


def run(options: argparse.Namespace) -> int:
    """Make the environment, or find it in the cache, and say where it is."""
    from bundler.requirements.environments.environment import environment

    with open_bundle(options.file) as reader, shown_progress() as progress:
        check_digest(reader, options.digest)
        made = environment(
            reader,
            options.directory,
            python=options.python,
            allow_unchecked=options.allow_unchecked,
            offline=options.offline,
            progress=progress,
        )
    if options.json:
        print(json.dumps(dataclasses.asdict(made), indent=2, default=str))
        return 0
    # In the cache it is found by the bundle; elsewhere by its own interpreter.
    program = "kbundle" if options.directory is None else f"{shlex.quote(str(made.python))} -m bundler"
    more = " --environment locked" if options.directory is None else ""
    if options.python is not None and more:
        more += f" --python {shlex.quote(options.python)}"
    if made.unchecked and more:
        more += " --allow-unchecked"
    lines = [
        f"{shown(made.folder)}: {'was there already' if made.cached else 'made'}, {made.packages} packages and kbundle",
        f"  Python {made.version}: {shown(made.python)}",
        *(f"  not checked against a hash: {shown(line)}" for line in made.unchecked),
        *(f"  left out, optional: {shown(name)}" for name in made.left_out),
        f"  to predict in it: {shown(program)} run {shown(shlex.quote(options.file))} "
        f"--input x.npz --output y.npz{shown(more)}",
    ]
    print("\n".join(lines))
    return 0
