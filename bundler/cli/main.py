"""The command line: find the command, call it, turn errors into one message and an exit code."""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from bundler.errors import BundleError, InvalidBundle
from bundler.report.terminal_text import shown
from bundler.version import __version__

# 2 is wrong usage, and argparse's own.
OK, REFUSED, NOT_A_BUNDLE, INTERRUPTED = 0, 1, 3, 130

#: command -> what it does. Each is a module of this package with `add_arguments` and `run`.
COMMANDS = {
    "pack": "pack a model file or folder and the source of its custom code into one bundle",
    "inspect": "show what a bundle says about itself (reads the manifest only, runs nothing)",
    "verify": "check every byte of a bundle against its digests",
    "diff": "show what changed between two bundles: source, config, requirements, weights, manifest (runs nothing)",
    "audit": "show what a bundle contains and what it could do, without running any of it",
    "check": "compare what a bundle needs with what is installed here (runs nothing of it)",
    "test": "load a bundle, which runs its code, and replay the self-test that it holds",
    "extract": "write a bundle's members below a folder",
    "env": "make a virtual environment with the versions that the bundle's lock names, each checked by its hash",
    "cache": "list the environments that kbundle keeps, or remove some",
    "run": "load a bundle, which runs its code, and predict from a file to a file; if asked in its own environment",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 fine; 1 refused, or a check failed; 2 wrong usage; 3 not a valid bundle; 130 interrupted.
    """
    _prepare_streams()
    given = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(next((item for item in given if not item.startswith("-")), None)).parse_args(given)
    try:
        code = _run(options)
        sys.stdout.flush()
    except KeyboardInterrupt:
        print("kbundle: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) has seen enough; Python would complain again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (OSError, MemoryError) as error:
        print(f"kbundle: {shown(error) or 'out of memory'}", file=sys.stderr)
        # Whatever is left in the buffer cannot be written either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return REFUSED
    return code


def _run(options: argparse.Namespace) -> int:
    try:
        code: int = options.run(options)
    except BundleError as error:
        _report(error, as_json=options.json)
        return NOT_A_BUNDLE if isinstance(error, InvalidBundle) else REFUSED
    return code


def _prepare_streams() -> None:
    """Make output work where it is closed (``>&-``), and where it cannot show every character (``LC_ALL=C``)."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    """Return the parser; of the commands it imports the `wanted` one, and knows the others by name alone."""
    parser = argparse.ArgumentParser(
        prog="kbundle",
        description="A Keras model with custom code in one file: loads anywhere with one call, "
        "and anybody can look inside first.",
        epilog="exit codes: 0 fine, 1 refused or a check failed, 2 usage, 3 not a valid bundle",
    )
    parser.add_argument("--version", action="version", version=f"kbundle {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name == wanted:
            module = importlib.import_module(f"bundler.cli.{name}")
            module.add_arguments(command)
            command.add_argument("--json", action="store_true", help="print one JSON value instead of text")
            command.set_defaults(run=module.run)
    return parser


def _report(error: BundleError, *, as_json: bool) -> None:
    if not as_json:
        lines = [shown(line, 2_000) for line in str(error).split("\n")]
        print("kbundle: " + "\n".join(lines), file=sys.stderr)
        return
    fields: dict[str, Any] = {"type": type(error).__name__, "message": error.message}
    for field in (
        *("place", "expected", "found", "hint", "problems", "missing", "offered", "install"),
        *("words", "reasons", "stage", "module", "qualname"),
    ):
        value = getattr(error, field, None)
        if value is not None:
            fields[field] = list(value) if isinstance(value, tuple) else value
    print(json.dumps({"error": fields}, indent=2, default=str))
