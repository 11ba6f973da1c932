"""Make the generated tables anew, and say what is new in them: ``python -m tools.refresh``.

A table is the union over the supported versions. Each run adds what can be read here: this environment, the other
Pythons of this machine, wheels of Keras, and the environments of `make matrix`. ``--tensorflow`` and ``--keras`` name
versions to fetch. What cannot be read is named, and what it gave to a table before stays.

    python -m tools.refresh                                   # everything that is at hand; wheels of Keras are fetched
    python -m tools.refresh --keras 3.16.0 --tensorflow 2.22.0
    python -m tools.refresh --check                           # is a table stale against what is installed here?

docs/maintaining.md says what to ask of each new name.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.audit_tables import page
from tools.collect import THIS_PYTHON, Parts, collect, collect_from_wheel
from tools.environments import (
    PYTHONS,
    WHEELS,
    Unavailable,
    Versions,
    environment,
    python_program,
    ready_environments,
    unpacked_wheel,
)
from tools.tables import ROOT, TABLES, Conflict, Part, added, merged, read_table, write_table

#: Also generated, from the rules in the code: no version has a say in it.
PAGE = "docs/audit.md"


def stale(root: Path, parts: Parts) -> Iterator[tuple[str, str]]:
    """Yield the name of each table below `root` that is not as the tools make it, and what is the matter."""
    for name in TABLES:
        table, wrong = read_table(root, name)
        if wrong:
            yield name, wrong
        for place, words in added(table, parts.get(name, Part())):
            yield name, f"it lacks, in {place}: {' '.join(words)}"
    text = (root / PAGE).read_text("utf-8")
    if page(text) != text:
        yield PAGE, "its tables are not those of the rules in the code"


def refresh(root: Path, every: Iterable[Parts], anew: Iterable[str] = ()) -> Iterator[str]:
    """Write the tables below `root` with what was collected, and yield a line for each place that has changed."""
    collected = list(every)
    old = {name: read_table(root, name)[0] for name in TABLES}
    new = {name: Part() if name in anew else table for name, table in old.items()}
    for parts in collected:
        new |= {name: merged(new[name], part, name) for name, part in parts.items()}
    for name in TABLES:
        write_table(root, name, new[name])
        for sign, before, after in (("+", old[name], new[name]), ("-", new[name], old[name])):
            yield from (f"{sign} {name} {place}: {' '.join(words)}" for place, words in added(before, after))
    text = (root / PAGE).read_text("utf-8")
    if page(text) != text:
        (root / PAGE).write_text(page(text), "utf-8")
        yield f"+ {PAGE}: its tables follow the rules in the code"


def _at_hand(options: argparse.Namespace, missed: list[str]) -> Iterator[Parts]:
    """Yield what can be read here, one environment or wheel after the other; name in `missed` what cannot."""
    yield collect()
    keras = sorted({*options.keras, *read_table(options.root, "stock")[0].made_from.get("keras", ())})
    for version in keras:
        try:
            yield collect_from_wheel(unpacked_wheel("keras", version, options.wheels, offline=options.offline))
        except Unavailable as error:
            missed.append(f"Keras {version}: {error}")
    programs = dict(ready_environments())
    newest = options.keras[-1] if options.keras else "3"
    for version in options.tensorflow:
        wanted = Versions(THIS_PYTHON, newest, version)
        try:
            programs[str(wanted)] = environment(wanted, offline=options.offline)
        except Unavailable as error:
            missed.append(f"TensorFlow {version}: {error}")
    for version in PYTHONS:
        try:
            programs[f"Python {version}"] = Path(python_program(version))
        except Unavailable as error:
            missed.append(f"Python {version}: {error}")
    for name, program in programs.items():
        if program != Path(sys.executable):
            try:
                yield _collect_in(program)
            except Unavailable as error:
                missed.append(f"{name}: {error}")


def _collect_in(program: Path) -> Parts:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "parts.json"
        command = [str(program), "-m", "tools.collect", str(file)]
        done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"its names could not be read: {done.stderr.strip().splitlines()[-1:]}")
        return {name: Part(*part) for name, part in json.loads(file.read_text("utf-8")).items()}


def _environment() -> dict[str, str]:
    """Return an environment in which no folder of ours adds packages to those of the program that is asked."""
    kept = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    return kept | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; return 1 for a stale table or a conflict."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a table is stale")
    parser.add_argument("--keras", nargs="+", default=[], metavar="VERSION", help="read these too, from their wheels")
    parser.add_argument("--tensorflow", nargs="+", default=[], metavar="VERSION", help="install these, and read them")
    parser.add_argument("--wheels", type=Path, default=WHEELS, help="where wheels of Keras are, and are fetched to")
    parser.add_argument("--offline", action="store_true", help="fetch nothing")
    parser.add_argument("--anew", nargs="+", default=[], choices=TABLES, help="forget what these tables have now")
    parser.add_argument("--root", type=Path, default=ROOT, help="the checkout whose tables are meant")
    parser.add_argument(
        "--collect", type=Path, metavar="FILE", help="write what this environment has, and nothing else"
    )
    options = parser.parse_args(arguments)
    return _check(options.root) if options.check else _refresh(options)


def _check(root: Path) -> int:
    parts = collect()
    found = list(stale(root, parts))
    for name, what in found:
        _say(f"stale: {name} ({TABLES.get(name, name)}): {what}")
    if found:
        print("Make them anew, and review the list: python -m tools.refresh")
    for name in TABLES:
        if name not in parts:
            print(f"not checked: {name}: TensorFlow and Keras are not installed here")
    here = parts["names"].made_from
    print(f"{len({name for name, _ in found})} stale, for " + ", ".join(f"{of} {v[0]}" for of, v in here.items()))
    return 1 if found else 0


def _refresh(options: argparse.Namespace) -> int:
    missed: list[str] = []
    try:
        changes = list(refresh(options.root, _at_hand(options, missed), options.anew))
    except Conflict as error:
        print(f"Two versions disagree, so nobody can read both: {error}", file=sys.stderr)
        return 1
    for line in missed:
        _say(f"not refreshed: {line}")
    print(f"{len(changes)} places to review (docs/maintaining.md says what to ask of each name):")
    for line in changes:
        _say(line)
    return 0


def _say(line: str) -> None:
    print(textwrap.fill(line, 120, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False))


if __name__ == "__main__":
    sys.exit(main())
