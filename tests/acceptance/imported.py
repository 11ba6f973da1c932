"""Modules that others wrote, imported and not only read: how many import as a bundle's code with no word.

::

    python -m tests.acceptance.imported --packages FOLDER --python ZOO/bin/python
    python -m tests.acceptance.imported --packages FOLDER --python ZOO/bin/python --only kapre --json out.json

FOLDER has one folder a package, as for `tests.acceptance.benign`; the Python has what the packages need. A warm process
of that Python forks for each step (`tests.zygote`):

1. *natively*: every module of the package is imported with its folder on `sys.path`. Only those that come count.
2. *read*: the source audit says which modules ask for a word before anything runs.
3. *inside*: the same modules are imported in a namespace that is opened as for a bundle (`rebuilding.open_code`),
   with no word accepted. A refusal is told with its word, module and line; any other error is a fault of ours.
4. *with words*: what was refused is imported once more with the words that it asked for.

Modules whose package already failed are counted under the failure of the package, and not run again.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import importlib.metadata
import json
import os
import re
import signal
import sys
import tempfile
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

from bundler.audit import source
from bundler.audit.source.closed_functions import close_source
from bundler.errors import AuditRefused, ConsentRequired
from bundler.unpacking import rebuilding
from bundler.unpacking.confinement import closed_texts, guard_for
from tests.acceptance.benign import Everything, asks, defines_model_parts, keras_layers, modules_below, texts_of
from tests.zygote import Zygote

ROOT = Path(__file__).resolve().parents[2]
_MODULE_S = 120
_PHASE_S = 1800
_RESTARTS = 8
_ROUNDS = 5
_DATA_BYTES = 2 << 20
_SKIPPED_FILES = re.compile(r"(\.py|\.pyc|\.so|\.pyd|\.dylib)$|\.dist-info/")

Facts = dict[str, Any]


# --- in a fork of the warm process ----------------------------------------------------------------------------------


def phase(name: str, folder: str, answer: str, options: Facts) -> None:
    """Run one step over the package in `folder` and append a line of JSON a module to the file `answer`."""
    signal.alarm(0)
    signal.signal(signal.SIGALRM, _too_long)
    package = _package(Path(folder))
    with Path(answer).open("a") as lines:

        def say(facts: Facts) -> None:
            lines.write(json.dumps(facts) + "\n")
            lines.flush()

        _PHASES[name](package, options, say)
        say({"end": True})


def _package(folder: Path) -> SimpleNamespace:
    # Keras's own layers are packed as if an author had copied them: under names that are not Keras's.
    own = folder.name == "keras_src"
    root = keras_layers()[0] / "keras" / "src" if own else folder
    below = root / "layers" if own else root
    named = {text.name: text for text in texts_of(root, sorted(below.rglob("*.py")))}
    tested = {text.name for text in texts_of(root, modules_below(below))}
    wanted = sorted(name for name in tested if not name.endswith("__main__") and not name.endswith(".setup"))
    return SimpleNamespace(root=root, below=below, prefix="keras.src." if own else "", named=named, wanted=wanted)


def _natively(package: SimpleNamespace, options: Facts, say: Callable[[Facts], None]) -> None:
    sys.path.insert(0, str(package.root))
    _each(package.wanted, options, say, lambda name: importlib.import_module(package.prefix + name), _native_error)


def _native_error(error: BaseException) -> Facts:
    return {"error": _line(error)}


def _read(package: SimpleNamespace, _options: Facts, say: Callable[[Facts], None]) -> None:
    source.NODES = source.TOTAL_BYTES = 10**9
    texts = [package.named[name] for name in package.wanted]
    found: dict[str, list[Facts]] = {text.member: [] for text in texts}
    for item in close_source(texts, Everything(), ()).findings:
        if asks(item, strict=True):
            what = item.what.partition(";")[0]
            found[item.member].append(
                {"word": str(item.capability), "what": what, "line": item.line, "first": asks(item)}
            )
    for text in texts:
        parts = defines_model_parts(text.text)
        say({"module": text.name, "asks": found[text.member], "parts": parts})


def _inside(package: SimpleNamespace, options: Facts, say: Callable[[Facts], None]) -> None:
    digest, manifest, content = _bundle(package)
    guard = guard_for(manifest, options["allow"])
    source.NODES = source.TOTAL_BYTES = 10**9
    closed = closed_texts(manifest, content, options["allow"])
    namespace = rebuilding.open_code(digest, manifest, content, guard, closed=closed)
    record = guard.record

    def explain(error: BaseException) -> Facts:
        return _refusal(error, namespace) or {"error": _line(error), "where": _place(error, namespace)}

    def load(name: str) -> Facts:
        before, used = len(record.refused), len(record.used)
        namespace.load(name)
        return {
            "swallowed": [_use(use) for use in record.refused[before:]],
            "used": [_use(use) for use in record.used[used:]],
        }

    _each(options.get("modules") or package.wanted, options, say, load, explain)


_PHASES: dict[str, Callable[[SimpleNamespace, Facts, Callable[[Facts], None]], None]] = {
    "natively": _natively,
    "read": _read,
    "inside": _inside,
}


def _each(
    names: Iterable[str],
    options: Facts,
    say: Callable[[Facts], None],
    step: Callable[[str], Any],
    explain: Callable[[BaseException], Facts],
) -> None:
    failed: dict[str, Facts] = dict(options.get("failed", {}))
    done = set(options.get("done", ()))
    for name in sorted(names):
        if name in done:
            continue
        parents = [name[:end] for end, letter in enumerate(name) if letter == "."]
        blamed = next((parent for parent in parents if parent in failed), None)
        if blamed is not None:
            say({"module": name, "ok": False, "through": blamed, **failed[blamed]})
            continue
        say({"started": name})
        signal.alarm(_MODULE_S)
        try:
            facts = step(name)
            answer = {"ok": True, **(facts if isinstance(facts, dict) else {})}
        except BaseException as error:  # whatever other people's modules raise, SystemExit too, is the result here
            failed[name] = explain(error)
            answer = {"ok": False, **failed[name]}
        finally:
            signal.alarm(0)
        say({"module": name, **answer})


def _bundle(package: SimpleNamespace) -> tuple[str, Any, dict[str, bytes]]:
    """Return digest, manifest and members of a bundle that has the whole package, and all that is installed as lock."""
    content = {f"code/{name}": text.text for name, text in package.named.items()}
    modules = [
        SimpleNamespace(name=name, member=f"code/{name}", package=text.package, generated=False, entry=False)
        for name, text in package.named.items()
    ]
    data = []
    for path in sorted(package.below.rglob("*")):
        place = path.relative_to(package.root).as_posix()
        if path.is_file() and not _SKIPPED_FILES.search(place) and path.stat().st_size <= _DATA_BYTES:
            data.append(SimpleNamespace(path=place, member=f"data/{place}"))
            content[f"data/{place}"] = path.read_bytes()
    owned = {name.partition(".")[0] for name in package.named} & set(package.named)
    packed = [
        SimpleNamespace(name=item.name, version=item.version)
        for item in importlib.metadata.distributions(path=[str(package.root)])
    ]
    imports: dict[str, list[str]] = defaultdict(list)
    for name, distributions in importlib.metadata.packages_distributions().items():
        for distribution in distributions if name not in owned else ():
            imports[distribution].append(name)
    locked = [
        SimpleNamespace(name=name, version=importlib.metadata.version(name), imports=tuple(names), optional=False)
        for name, names in imports.items()
    ]
    digest = "sha256:" + hashlib.sha256(b"".join(content[member] for member in sorted(content))).hexdigest()
    requirements = SimpleNamespace(packed=tuple(packed), distributions=tuple(locked), transitive=())
    manifest = SimpleNamespace(modules=modules, data=data, requirements=requirements, objects=(), unresolved=())
    return digest, manifest, content


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _refusal(error: BaseException, namespace: Any) -> Facts | None:
    for item in _chain(error):
        if isinstance(item, ConsentRequired | AuditRefused):
            uses = [_use(use) for use in getattr(item, "uses", ())]
            reason = item.reasons[0] if item.reasons else str(item)
            return {
                "words": [str(word) for word in getattr(item, "words", ())] or ["-"],
                "what": uses[0]["what"] if uses else reason.partition(": ")[2] or reason,
                "where": f"{uses[0]['module']}:{uses[0]['line']}" if uses else _place(item, namespace),
            }
    return None


def _use(use: Any) -> Facts:
    return {"word": str(use.capability), "what": use.what, "module": use.module, "line": use.line}


def _place(error: BaseException, namespace: Any) -> str:
    """Return the module and line of the bundle that the error came out of."""
    files = {namespace.filename(name): name for name in namespace.modules}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    return f"{files[frames[-1].filename]}:{frames[-1].lineno}" if frames else "-"


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"the import takes longer than {_MODULE_S} s")


# --- in the runner --------------------------------------------------------------------------------------------------


class Runner:
    """Runs steps in forks of one warm process, and takes a step up again where a module ended its process."""

    def __init__(self, python: str, bundler: Path, scratch: Path) -> None:
        self._scratch = scratch
        self._path = (bundler, ROOT)
        home = scratch / "home"
        home.mkdir()
        # Some packages write below the home folder when they are imported.
        os.environ["HOME"] = str(home)
        os.environ["KERAS_BACKEND"] = "tensorflow"
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._zygote = Zygote(python)

    def __call__(self, name: str, folder: Path, **options: Any) -> dict[str, Facts]:
        """Return what step `name` said about each module of the package in `folder`."""
        answer = self._scratch / f"{folder.name}-{name}-{len(list(self._scratch.iterdir()))}.jsonl"
        said: dict[str, Facts] = {}
        for _ in range(_RESTARTS):
            options["done"] = sorted(said)
            options["failed"] = {key: value for key, value in said.items() if not value.get("ok", True)}
            answer.unlink(missing_ok=True)
            script = f"from tests.acceptance.imported import phase\nphase({name!r}, {str(folder)!r}, {str(answer)!r}, "
            done = self._zygote.run(script + f"{options!r})", self._scratch, path=self._path, check=False)
            lines = [json.loads(line) for line in answer.read_text().splitlines()] if answer.exists() else []
            said |= {line["module"]: line for line in lines if "module" in line}
            if lines and "end" in lines[-1]:
                return said
            died = [line["started"] for line in lines if "started" in line and line["started"] not in said]
            if not died:
                raise AssertionError(f"{folder.name}, {name}: {done.output[-3000:]}")
            said[died[-1]] = {"module": died[-1], "ok": False, "error": f"its process ended with {done.code}"}
        return said

    def close(self) -> None:
        """End the warm process."""
        self._zygote.close()


def examine(run: Runner, folder: Path) -> dict[str, Facts]:
    """Return for each module of the package in `folder` that imports natively what it asks for, and what it does."""
    native = run("natively", folder)
    read = run("read", folder)
    inside = run("inside", folder, allow=[])
    result = {}
    for name, facts in native.items():
        result[name] = {"native": facts, "parts": read[name]["parts"], "asks": read[name]["asks"]}
        if facts["ok"]:
            result[name]["inside"] = inside[name]
    _confirm(run, folder, result)
    _with_words(run, folder, result)
    return result


def _confirm(run: Runner, folder: Path, result: dict[str, Facts]) -> None:
    """Import once more, in a fresh process, what failed without a refusal: an earlier failure may be the cause."""
    for name, facts in result.items():
        found = facts.get("inside", {})
        if "error" in found and "through" not in found:
            facts["inside"] = run("inside", folder, allow=[], modules=[name])[name]


def _with_words(run: Runner, folder: Path, result: dict[str, Facts]) -> None:
    refused = sorted(name for name, facts in result.items() if "words" in facts.get("inside", {}))
    words: set[str] = set()
    found = {name: result[name]["inside"] for name in refused}
    for _ in range(_ROUNDS if refused else 0):
        more = {word for facts in found.values() for word in facts.get("words", ()) if word != "-"} - words
        if not more:
            break
        words |= more
        found = run("inside", folder, allow=sorted(words), modules=refused)
    for name in refused:
        result[name]["with_words"] = {"allow": sorted(words), **found[name]}


# --- what is printed ------------------------------------------------------------------------------------------------


_LEGEND = (
    "native: imports without us. ask first: the audit asks for a word before anything runs. import: imports inside",
    "with no word. silent: imports inside, and nothing was asked before. broken: fails inside without a refusal.",
)


def counts(modules: Collection[Facts]) -> list[int]:
    """Return how many import natively, ask before anything runs, import with no word, are refused, and break."""
    native = [facts for facts in modules if facts["native"]["ok"]]
    hard = sum(_hard(facts) for facts in native)
    silent = sum(facts["inside"]["ok"] for facts in native)
    both = sum(facts["inside"]["ok"] and not _hard(facts) for facts in native)
    refused = sum("words" in facts["inside"] for facts in native)
    return [len(modules), len(native), hard, silent, both, refused, len(native) - silent - refused]


def _hard(facts: Facts) -> bool:
    return any(item["first"] for item in facts["asks"])


def report(result: dict[str, dict[str, Facts]], reasons: int) -> str:
    """Return the counts by package, and the reasons."""
    heads = ("modules", "native", "ask first", "import", "silent", "refused", "broken")
    lines = [f"{'package':30} " + " ".join(f"{head:>9}" for head in heads)]
    for name, modules in result.items():
        lines.append(f"{name:30} " + " ".join(f"{count:9}" for count in counts(modules.values())))
    whole = [counts(modules.values()) for modules in result.values()]
    whole = [count for count in whole if count[1]]
    lines.append(f"{sum(count[1] == count[3] for count in whole)} of {len(whole)} packages import whole")
    every = [facts for modules in result.values() for facts in modules.values()]
    for title, chosen in (("all", every), ("with layers and the like", [facts for facts in every if facts["parts"]])):
        total = counts(chosen)
        lines.append(f"{title:30} " + " ".join(f"{count:9}" for count in total))
        imports, silent = (100 * total[column] / max(total[1], 1) for column in (3, 4))
        lines.append(f"{'':30} of {total[1]} that import natively: import {imports:.1f} %, silent {silent:.1f} %")
    lines += ["", *_LEGEND, ""]
    for title, key in (("refused", "words"), ("broken", "error")):
        found = Counter[str]()
        places: dict[str, Counter[str]] = defaultdict(Counter)
        for name, modules in result.items():
            for facts in modules.values():
                inside = facts.get("inside", {})
                if key in inside:
                    text = f"{' '.join(inside['words'])}: {inside['what']}" if key == "words" else inside["error"]
                    found[text] += 1
                    places[text][f"{name} {inside.get('where', '-')}"] += 1
        lines.append(f"{title}: {len(found)} reasons (modules, places, reason, an example)")
        for text, count in found.most_common(reasons):
            lines.append(f"{count:5} {len(places[text]):3}  {text[:170]}  [{places[text].most_common(1)[0][0]}]")
        lines.append("")
    swallowed = Counter(
        f"{use['word']}: {use['what']}  [{name} {use['module']}:{use['line']}]"
        for name, modules in result.items()
        for facts in modules.values()
        for use in facts.get("inside", {}).get("swallowed", ())
    )
    lines.append(f"refused and swallowed, the import went on: {len(swallowed)}")
    lines += [f"{count:5}  {text[:200]}" for text, count in swallowed.most_common(reasons)]
    broken = []
    for name, modules in result.items():
        for module, facts in modules.items():
            then = facts.get("with_words", {"ok": True})
            if not then["ok"] and "through" not in then:
                reason = then.get("error", then.get("what"))
                broken.append(f"  {name} {module} with {' '.join(then['allow'])}: {reason} [{then.get('where', '-')}]")
    lines += ["", f"fails with the words that it asks for too: {len(broken)}", *broken[:reasons]]
    used = Counter(
        f"{use['word']}: {use['what'][:120]}  [{name} {use['module']}:{use['line']}]"
        for name, modules in result.items()
        for facts in modules.values()
        for use in facts.get("with_words", {}).get("used", ())
    )
    lines += ["", f"used with these words: {len(used)}", *(f"  {text}" for text in sorted(used)[:reasons])]
    return "\n".join(lines)


def main() -> None:
    """Import, count and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--packages", type=Path, required=True, help="a folder with one folder a package")
    parser.add_argument("--python", default=sys.executable, help="a Python that has what the packages need")
    parser.add_argument("--bundler", type=Path, default=ROOT, help="the folder that holds the bundler to test")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="keras_src: Keras's layers")
    parser.add_argument("--reasons", type=int, default=60)
    parser.add_argument("--json", type=Path, help="write everything to this file")
    options = parser.parse_args()
    folders = [Path("keras_src"), *sorted(path.resolve() for path in options.packages.iterdir())]
    result: dict[str, dict[str, Facts]] = {}
    with tempfile.TemporaryDirectory(prefix="imported-") as scratch:
        run = Runner(options.python, options.bundler.resolve(), Path(scratch))
        try:
            for folder in folders:
                if not options.only or folder.name in options.only:
                    result[folder.name] = examine(run, folder)
                    print(folder.name, *counts(result[folder.name].values()), file=sys.stderr, flush=True)
                    if options.json:
                        options.json.write_text(json.dumps(result, indent=1))
        finally:
            run.close()
    print(report(result, options.reasons))


if __name__ == "__main__":
    main()
