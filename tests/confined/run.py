"""Loads and uses hostile modules, and says which of them act outside: ``python -m tests.confined.run``.

    --only TEXT      corpora or cases whose name has TEXT
    --case NAME      this very case (corpus/name); may be given more than once
    --since NAME     this case and those after it
    --json FILE      everything that was seen, by case
    --static         as `unbundle` does: refuse what is held at load, close the functions that nothing would hold
    --native         run every module without any guard as well, to see that it acts at all
    --only-native    run every module without any guard, and not with one
    --allow WORD     a capability that is accepted; may be given more than once
    --show           print all that was seen of each case
    --sample         one small module for each class of attack (`tests.confined.attacks`), used briefly
    --bare           the sample without a cell: the default where none can be made

Exit status 1 says that something acted in the guarded namespace.
"""

from __future__ import annotations

import argparse
import collections
import gc
import io
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
if __name__ == "__main__" and "--bare" in sys.argv and "KBUNDLE_CONFINED" not in os.environ:
    # Before the places are worked out.
    os.environ.setdefault("KBUNDLE_CONFINED", tempfile.mkdtemp(prefix="confined-"))

import h5py  # noqa: F401 - before the forks
import tensorflow as tf

import bundler  # noqa: F401
from bundler.errors import BundleError
from bundler.unpacking import unbundling  # noqa: F401
from tests.confined import bare, cell, control, witness
from tests.confined.corpora import Modules, corpora, sample
from tests.confined.opened import hard, opened, unguarded
from tests.confined.use import User, host

Result = dict[str, Any]
#: What a module prints that reached memory by its address, which nothing else shows.
ACTED = "kbundle-acted"
#: What a fork of this process opens and asks that has nothing to do with a module.
_NOISE = ("/dev/null", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo", "/proc/*/task/*/comm", "/etc/ld.so.cache")


def one(
    modules: Modules,
    *,
    native: bool = False,
    allow: tuple[str, ...] = (),
    brief: bool = False,
    close: bool = False,
) -> Result:
    """Load and use `modules` in a cell of their own, and return what was seen."""
    confine = cell.confine if cell.available() else bare.confine
    modules = {name: bare.placed(text) for name, text in modules.items()}

    def body(report: Callable[[cell.Report], None]) -> None:
        _prisoner(modules, report, native=native, allow=allow, brief=brief, close=close)

    # A path that the module spells out is no secret to it.
    own = {name for name, mark in cell.SECRETS.items() if any(mark in text for text in modules.values())}
    reports = confine(body)
    seen: Result = {"acts": [], "inside": [], "changes": [], "refused": [], "raised": [], "notes": []}
    finished = False
    for report in reports:
        finished = finished or "finished" in report
        if "event" in report:
            # Keras looks how much memory there is when it loads a model.
            if report["event"] != json.dumps(["open", "read", ["/proc/meminfo"], False]):
                seen["acts"].append(f"event {report['event']}")
        elif "file" in report:
            path = witness.normal(report["file"])
            if not (witness.free(report["file"]) or path in _NOISE):
                seen["acts"].append(f"{report['how']} {path}")
        elif "connection" in report:
            seen["acts"].append("connection")
        elif "left" in report:
            seen["acts"].append(f"left a process: {report['left']}")
        elif "output" in report:
            seen["output"] = report["output"][-2000:]
            if "uid=0(root)" in report["output"]:
                seen["acts"].append("printed what a program answers")
            if ACTED in report["output"]:
                seen["acts"].append("says that it acted")
            told = [name for name in witness.secrets_in(report["output"]) if name not in own]
            seen["acts"] += [f"prints the secret {name}" for name in told]
        elif "secret" in report and report["secret"] not in own:
            seen["acts"].append(f"holds the secret {report['secret']}")
        elif "inside" in report:
            seen["inside"].append(report["inside"])
        elif "exit" in report:
            seen["exit"] = report["exit"]
        elif "harness" in report or "channel" in report:
            seen["notes"].append(str(report))
        else:
            for key in ("changes", "refused", "raised", "recorded", "used"):
                if key in report:
                    seen[key] = report[key]
    if not finished:
        died = "ran out of time" if seen.get("exit") == "time" else f"ended the process ({seen.get('exit')})"
        seen["notes" if seen.get("exit") == "time" else "acts"].append(died)
    for key in ("acts", "inside"):
        seen[key] = list(dict.fromkeys(seen[key]))
    return seen


def _prisoner(
    modules: Modules,
    report: Callable[[cell.Report], None],
    *,
    native: bool,
    allow: tuple[str, ...],
    brief: bool,
    close: bool,
) -> None:
    sys.dont_write_bytecode = True
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)  # The process may end before anybody flushes.
    tf.constant(1.0) + 1.0
    watch = witness.Witness(report)
    try:
        namespace = unguarded(modules) if native else opened(modules, allow, close=close)
    except BundleError as error:
        report({"refused": [f"opened: {type(error).__name__}: {error}"]})
        return
    watch.install()
    host()
    user = User(namespace.prefix)
    before = witness.state()
    cell.mark("begin")
    watch.begin(namespace.builtins, namespace.directory)
    loaded: list[Any] = []
    failed: list[dict[str, Any]] = []

    def load(name: str) -> Any:
        try:
            return namespace.load(name)
        except BaseException as error:
            # The module is gone, but what it kept before it failed counts.
            failed.extend(_own_globals(error, namespace.prefix))
            raise

    for name in namespace.modules:
        module = user.step(f"import {name}", lambda name=name: load(name))
        if module is not None:
            loaded.append(module)
    for module in loaded:
        (user.briefly if brief else user.module)(module)
    holds = [dict(held) for held in (*map(vars, loaded), *failed)]
    failed.clear()
    for held in holds:
        held.pop("__builtins__", None)
        del held  # Else the globals of the last module outlive the watch.
    changed = witness.changes(before, witness.state())
    for name in witness.secrets_in(holds, user.returned):
        report({"secret": name})
    holds.clear()
    user.returned.clear()
    for module in loaded:
        vars(module).clear()
    loaded.clear()
    user.end()
    watch.end()
    cell.mark("end")
    record = getattr(getattr(namespace, "guard", None), "record", None)
    report({"changes": changed})
    report({"refused": user.refused})
    report({"raised": user.raised[:60]})
    if record is not None:
        report({"recorded": [repr(use) for use in record.refused]})
        report({"used": [repr(use) for use in record.used]})


def _own_globals(error: BaseException, prefix: str) -> list[dict[str, Any]]:
    """Return the globals of the modules of the bundle that an error came through."""
    found, place = [], error.__traceback__
    while place is not None:
        space = place.tb_frame.f_globals
        if str(space.get("__name__", "")).startswith(prefix):
            found.append(space)
        place = place.tb_next
    return found


def usual(*, native: bool = False, brief: bool = False) -> dict[str, set[str]]:
    """Return what is seen of modules that only compute."""
    found: dict[str, set[str]] = {"acts": set(), "changes": set(), "inside": set()}
    for modules in (control.BRIEF,) if brief else (control.CONTROL, control.CONTROL, control.FAILS):
        seen = one(modules, native=native, brief=brief)
        for key, values in found.items():
            values.update(seen[key])
        if seen["notes"]:
            print("control:", seen["notes"], file=sys.stderr)
    return found


def less(seen: Result, known: dict[str, set[str]]) -> Result:
    """Return `seen` without what is `known` to be usual."""
    return {
        key: [item for item in value if item not in known.get(key, ())] if key in known else value
        for key, value in seen.items()
    }


def main() -> int:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="")
    parser.add_argument("--case", action="append", default=[])
    parser.add_argument("--since", default="")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--static", action="store_true")
    parser.add_argument("--native", action="store_true")
    parser.add_argument("--only-native", action="store_true")
    parser.add_argument("--allow", action="append", default=[])
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--sample", action="store_true")
    parser.add_argument("--bare", action="store_true")
    options = parser.parse_args()
    if not cell.available() and not options.bare:
        parser.error("this process may not make cells (namespaces, fanotify); --bare does without, for the sample")
    options.sample = options.sample or options.bare
    os.nice(10)
    # A collection in a fork would copy every page of what is here now.
    gc.freeze()
    return report(run(options))


def run(options: argparse.Namespace) -> dict[str, Result]:
    """Return what was seen, by corpus and case."""
    brief = options.sample
    natively, guarded = options.native or options.only_native, not options.only_native
    known = usual(brief=brief) if guarded else {}
    known_native = usual(native=True, brief=brief) if natively else {}
    results: dict[str, Result] = {}
    waiting = options.since
    for corpus, cases in ({"sample": sample()} if brief else corpora()).items():
        for name, modules in cases.items():
            full = name if brief else f"{corpus}/{name}"
            if options.only not in full or (options.case and full not in options.case):
                continue
            if waiting not in ("", full):
                continue
            waiting = ""
            start = time.monotonic()
            audited = options.static or name.startswith("load/")
            found = hard(modules) if audited else []
            result: Result = {"hard": found, "acts": [], "refused": []}
            if not found and guarded:
                result |= less(one(modules, allow=tuple(options.allow), brief=brief, close=audited), known)
            if natively:
                free = less(one(modules, native=True, brief=brief), known_native)
                result["native"] = {key: free[key] for key in ("acts", "changes", "inside", "raised", "notes")}
            results[full] = result
            if options.json:
                options.json.write_text(json.dumps(results, indent=1))
            state = _state(result)
            alone = "" if not natively else " natively " + ("acts" if result["native"]["acts"] else "inert")
            print(
                f"{state:8}{alone} {time.monotonic() - start:5.1f} s  {full}  {'; '.join(result['acts'][:2])[:160]}",
                flush=True,
            )
            if options.show:
                print(json.dumps(result, indent=1))
    return results


def _state(result: Result) -> str:
    if result["hard"]:
        return "hard"
    if result["acts"]:
        return "ACTS"
    if any("harness" in note for note in result.get("notes", ())):
        return "BROKEN"
    return "refused" if result["refused"] or result.get("recorded") else "inert"


def report(results: dict[str, Result]) -> int:
    """Print the counts; return 1 if anything acted."""
    table: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for full, result in results.items():
        row = table[full.partition("/")[0]]
        row["all"] += 1
        row["hard"] += bool(result["hard"])
        row["acts"] += bool(result["acts"])
        row["refused"] += bool(not result["acts"] and (result["refused"] or result.get("recorded")))
        row["changes"] += bool(not result["acts"] and result.get("changes"))
        row["late"] += bool(result.get("notes"))
        if "native" in result:
            row["natively"] += bool(result["native"]["acts"])
            row["natively changes"] += bool(not result["native"]["acts"] and result["native"]["changes"])
    columns = ("all", "natively", "natively changes", "hard", "acts", "refused", "changes", "late")
    print(f"\n{'corpus':16}" + "".join(f"{column:>18}" for column in columns))
    for name, row in [*table.items(), ("all", sum(table.values(), collections.Counter()))]:
        print(f"{name:16}" + "".join(f"{row[column]:>18}" for column in columns))
    return int(any(result["acts"] for result in results.values()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    finally:
        # The folder that was made above; the forks end without coming here.
        if cell.ROOT.startswith(os.path.join(tempfile.gettempdir(), "confined-")):
            shutil.rmtree(cell.ROOT)
