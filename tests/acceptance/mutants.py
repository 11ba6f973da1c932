"""Change one thing in a packed program, and see whether the proof notices.

::

    python -m tests.acceptance.mutants [--only NAME ...] [--most 12] [--json FILE]

Each program of `documented/` is packed once; what its author told the prover is kept. Then the same prover gets bundles
with one change each (see `mutations.py`) and is asked whether they are the author's program. A mutant that passes all
checks has *survived*: either it is no other program, or the proof is blind there. Kinds that were tried least come
first, and the choice within a kind is the same each time.

At the end the prover gets the bundle with no change: it has to pass, or all that was noticed means nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from tests.acceptance.mutations import MAKING, WAYS, Mutant, Parts
from tests.zygote import Zygote

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODELS = HERE / "documented"
SURVIVED, UNCHANGED = "SURVIVED", "unchanged"
_SECONDS = 1500
#: Where Keras has the functions that read its settings.
_SETTINGS = "/keras/src/backend/config.py"


# --- in the author's process -----------------------------------------------------------------------------------------


def observe(names: dict[str, Any], folder: Path, tried: dict[str, int], most: int) -> None:
    """Pack the model that the namespace `names` defines, prove `most` mutants of its bundle, leave what came of them.

    `tried` has how often each kind was tried in other programs.
    """
    import keras

    from bundler import BundleError, bundle
    from bundler.keras_io.selftest import recording
    from bundler.packing import bundling

    signal.alarm(_SECONDS)
    keras.utils.set_random_seed(11)
    ran: set[CodeType] = set()
    model = _noting(names["make"], ran, is_run=_is_making)()
    provers: list[Any] = []
    recording.record = _noting(recording.record, ran)
    bundling.expectation_of = _noting(bundling.expectation_of, ran)
    bundling.Prover = _kept_prover(bundling.Prover, provers)  # type: ignore[misc]
    answers: list[dict[str, str]] = []
    facts: dict[str, Any] = {"mutants": answers}
    target = folder / "program.kbundle"
    try:
        try:
            given = {} if names.get("USE") else {"example_inputs": names["inputs"]()}
            bundle(model, target, overwrite=True, **given)
        except BundleError as error:
            facts["refused"] = str(error).splitlines()[0]
            return
        parts = _parts(target, ran)
        facts["checks"] = [] if parts.manifest.proof is None else list(parts.manifest.proof.checks)
        prover, expectation = provers[-1], provers[-1].expectation
        del model
        for mutant in _chosen(parts, tried, most):
            started = time.monotonic()
            stage, message = _verdict(prover, expectation, mutant.parts, folder / "mutant.kbundle")
            answer = {"kind": mutant.kind, "what": mutant.what, "stage": stage, "message": message}
            answers.append({**answer, "why": mutant.why or "", "seconds": f"{time.monotonic() - started:.1f}"})
        # The config is written anew, as for a mutant; something must differ, or the interpreter is started again.
        same = parts.with_payload("config.json", parts.payload()["config.json"] + b"\n")
        facts[UNCHANGED] = _verdict(prover, expectation, same, folder / "mutant.kbundle")
    finally:
        for prover in provers:
            prover.end()
        (folder / "mutants.json").write_text(json.dumps(facts))


def _noting(
    function: Callable[..., Any], ran: set[CodeType], is_run: Callable[[Any], bool] = lambda _: True
) -> Callable[..., Any]:
    """Return `function`, made to note in `ran` which code of the author's runs meanwhile, as `is_run` of its frame."""

    def note(frame: Any, event: str, _: Any) -> None:
        code = frame.f_code
        is_own = "/lib/python" not in code.co_filename or code.co_filename.endswith(_SETTINGS)
        if event == "call" and code not in ran and is_own and is_run(frame):
            ran.add(code)

    def noting(*args: Any, **kwargs: Any) -> Any:
        sys.setprofile(note)
        threading.setprofile(note)
        try:
            return function(*args, **kwargs)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)

    return noting


def _is_making(frame: Any) -> bool:
    """Say whether `frame` runs because an object of a class is made: that happens in every load, too."""
    while frame is not None:
        code = frame.f_code
        if code.co_name in MAKING and code.co_varnames[:1] in (("self",), ("cls",)):
            return True
        frame = frame.f_back
    return False


def _kept_prover(base: Any, made: list[Any]) -> Any:
    class Kept(base):  # type: ignore[misc]
        """A prover that outlives the packing, and keeps what it was told to expect."""

        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.expectation: Any = None
            made.append(self)

        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
        ) -> None:
            return

        def check(self, path: Path, expectation: Any) -> Any:
            self.expectation = expectation
            return super().check(path, expectation)

        def end(self) -> None:
            super().__exit__(None, None, None)

    return Kept


def _parts(path: Path, ran: set[CodeType]) -> Parts:
    from bundler.archive.reader import open_bundle

    with open_bundle(path) as reader:
        members = {member.name: reader.read(member.name) for member in reader.manifest.members}
        return Parts(
            manifest=reader.manifest,
            members=members,
            ran=frozenset(code.co_qualname for code in ran),
            read=frozenset(name for code in ran for name in code.co_names),
        )


def _chosen(parts: Parts, tried: dict[str, int], most: int) -> list[Mutant]:
    """Return one mutant of a kind, of the kinds that were tried least first."""
    by_kind: dict[str, list[Mutant]] = {}
    for way in WAYS:
        for mutant in way(parts):
            by_kind.setdefault(mutant.kind, []).append(mutant)
    draw = random.Random(0)
    kinds = sorted(by_kind, key=lambda kind: (tried.get(kind, 0), kind))
    return [draw.choice(by_kind[kind]) for kind in kinds[:most]]


def _verdict(prover: Any, expectation: Any, parts: Parts, path: Path) -> tuple[str, str]:
    """Return the stage that `parts` fail at, and how; `SURVIVED` where they pass."""
    from bundler import BundleError
    from bundler.archive.writer import NewMember, write_bundle
    from bundler.errors import ProofFailed

    encodings = {member.name: member.encoding for member in parts.manifest.members}
    members = [NewMember(name=name, content=item, encoding=encodings[name]) for name, item in parts.members.items()]
    try:
        write_bundle(path, replace(parts.manifest, members=()), members, overwrite=True)
        prover.check(path, expectation)
    except ProofFailed as error:
        return error.stage, _line(error)
    except BundleError as error:
        return "unwritable", _line(error)
    return SURVIVED, ""


def _line(error: Exception) -> str:
    return " ".join(str(error).partition("\n  next step:")[0].split())[:300]


# --- the runner ------------------------------------------------------------------------------------------------------


def run(zygote: Zygote, model: Path, folder: Path, tried: Counter[str], most: int) -> dict[str, Any]:
    """Return what became of the mutants of one program."""
    source, script = model.read_text(), model.stem.startswith("main_")
    folder.mkdir(parents=True, exist_ok=True)
    names = "vars(sys.modules['__main__'])" if script else f"vars(importlib.import_module({model.stem!r}))"
    steps = (
        "import importlib, sys; from pathlib import Path; from tests.acceptance import mutants as _mutants\n"
        f"_mutants.observe({names}, Path({str(folder)!r}), {dict(tried)!r}, {most})\n"
    )
    path = (ROOT,) if script else (MODELS, ROOT)
    done = zygote.run((source + "\n\n" if script else "") + steps, folder, path=path, check=False)
    answer = folder / "mutants.json"
    if not answer.exists():
        return {"refused": f"crashed: {done.output.strip()[-300:]}", "mutants": []}
    facts = dict(json.loads(answer.read_text()))
    if done.code:
        facts["refused"] = f"crashed: {done.output.strip()[-300:]}"
    return facts


def lines(name: str, facts: dict[str, Any]) -> Iterator[str]:
    """Yield what is printed about one program."""
    yield f"{name}: {facts.get('refused') or 'checks: ' + ', '.join(facts['checks'])}"
    for item in facts["mutants"]:
        told = item["why"] if item["stage"] == SURVIVED else item["message"]
        yield f"  {item['stage']:13} {item['kind']:28} {item['what'][:110]}  {item['seconds']} s"
        if told:
            yield f"  {'':13} {told[:170]}"
    stage, message = facts.get(UNCHANGED, (SURVIVED, ""))
    if stage != SURVIVED:
        yield f"  NO MUTANT AND REFUSED: {stage}: {message}"


def totals(found: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the counts by kind and by stage, and the survivors."""
    mutants = [(name, item) for name, facts in found.items() for item in facts["mutants"]]
    by_kind: dict[str, Counter[str]] = {}
    for _, item in mutants:
        by_kind.setdefault(item["kind"], Counter())[item["stage"]] += 1
    for kind in sorted(by_kind):
        yield f"{kind:34} {', '.join(f'{stage} {number}' for stage, number in sorted(by_kind[kind].items()))}"
    yield ""
    yield f"{sum(bool(facts['mutants']) for facts in found.values())} programs, {len(mutants)} mutants"
    for stage, number in Counter(item["stage"] for _, item in mutants).most_common():
        yield f"{number:5} {stage}"
    yield ""
    for name, item in mutants:
        if item["stage"] == SURVIVED:
            yield f"survived: {name}: {item['kind']}: {item['what']}: {item['why'] or 'NOT EXPLAINED'}"
            if "outputs" not in found[name]["checks"]:
                yield "          (this program has no self-test, so that it is neither called nor trained)"


def main() -> int:
    """Return 1 where a bundle without a change does not pass."""
    os.environ.setdefault("KBUNDLE_OFFLINE", "1")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--most", type=int, default=12, help="mutants of one program")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict[str, dict[str, Any]] = {}
    tried: Counter[str] = Counter()
    zygote = Zygote()
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        for model in sorted(MODELS.glob("*.py"), key=lambda item: item.stem.removeprefix("main_")):
            name = model.stem.removeprefix("main_")
            if options.only and name not in options.only:
                continue
            found[name] = run(zygote, model, Path(scratch).resolve() / model.stem, tried, options.most)
            tried.update(item["kind"] for item in found[name]["mutants"])
            print("\n".join(lines(name, found[name])), flush=True)
            if options.json:
                options.json.write_text(json.dumps(found, indent=1))
    zygote.close()
    print("\n".join(totals(found)))
    return int(any(facts.get(UNCHANGED, [SURVIVED])[0] != SURVIVED for facts in found.values()))


if __name__ == "__main__":
    raise SystemExit(main())
