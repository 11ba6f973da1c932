"""Pack models as practitioners write them, load them where their code has never been, and print what became of each.

    python documented.py [--only NAME ...] [--baseline] [--every] [--json FILE] [--markdown FILE] [--work FOLDER]

Each file in `documented/` is one model, written as people write them: `make()` returns it, `inputs()` what it is
called with, `training_data()` what it is fitted with; `BUILDER` names a function that returns it untrained, with its
arguments; `USE` names the part that is called where the model itself has no `call`. Files named ``main_*`` run as
scripts, with their classes in ``__main__``.

Every model is saved with Keras alone, then bundled: as it is, else with ``builder=``, else with
``fallback="inference"`` (``--every``: all three). Each bundle loads in a process that has never seen the code.
*Silently wrong* is what loads without an error and predicts otherwise or has other weights. All processes are forks
of one that has imported Keras.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MODELS = HERE / "documented"
TOLERANCE = 1e-5
#: Sums in another order, in a gradient.
TRAINING_TOLERANCE = 1e-3

COLUMNS = ("model", "idea", "Keras alone, with the code", *("full", "builder", "inference"))
COLUMNS += ("adaptations", "train on", "largest difference", "verdict")

sys.path.insert(0, str(ROOT))
from documented_steps import WAYS  # noqa: E402 - the folder of this file is on the path only as a script

from tests.zygote import Zygote  # noqa: E402


@dataclass(kw_only=True)
class Row:
    """What became of one model."""

    name: str
    idea: str
    keras: str = ""
    ways: dict[str, str] = field(default_factory=dict)
    adaptations: list[str] = field(default_factory=list)
    difference: float = 0.0
    train: str = "-"
    verdict: str = "not shipped"
    remarks: list[str] = field(default_factory=list)


def read(folder: Path, name: str, output: str) -> dict[str, Any]:
    """Return the answer `name`; a process that left none crashed."""
    path = folder / f"{name}.json"
    if path.exists():
        return dict(json.loads(path.read_text()))
    return {"crash": output.strip().splitlines()[-1][:300] if output.strip() else "no answer"}


def observe(zygote: Zygote, model: Path, folder: Path, *, baseline: bool, every: bool) -> Row:
    """Take one model through all its processes."""
    source = model.read_text()
    row = Row(name=model.stem.removeprefix("main_"), idea=source.split('"""')[1].splitlines()[0])
    folder.mkdir(parents=True, exist_ok=True)
    steps = f"import sys; from pathlib import Path; import documented_steps as steps; folder = Path({str(folder)!r})\n"
    script = model.stem.startswith("main_")
    names = "vars(sys.modules['__main__'])" if script else f"steps.of_module({model.stem!r})"
    path = (HERE, MODELS, ROOT) if not script else (HERE, ROOT)
    ahead = source + "\n\n" if script else ""
    ways = () if baseline else WAYS

    done = zygote.run(
        ahead + steps + f"steps.author({names}, folder, {ways!r}, {every})\n", folder, path=path, check=False
    )
    author = read(folder, "author", done.output)
    if done.code or "ways" not in author:
        row.verdict, row.remarks = "the model itself fails", [done.output.strip()[-600:]]
        return row
    row.keras = baseline_of(zygote, author, ahead + steps + f"steps.keras_alone({names}, folder)\n", folder, path)
    if author["random"]:
        row.remarks.append("random at inference")
    if not author.get("train", {"ok": True})["ok"]:
        row.remarks.append(f"author cannot train: {author['train']['error']}")
    for way, packed in author["ways"].items():
        if not packed["ok"]:
            # Only a BundleError is a refusal; anything else that leaves `bundle` is a defect.
            row.ways[way] = f"crash: {packed['error']}"
            continue
        if "refused" in packed:
            row.ways[way] = f"refused: {packed['refused']}"
            continue
        if packed["no_self_test"]:
            row.remarks.append(f"{way}: no self-test: {packed['no_self_test']}")
        done = zygote.run(
            steps + f"steps.consumer(folder, {way!r})\n", folder / "consumer", path=(HERE, ROOT), check=False
        )
        row.ways[way] = judge(row, way, packed, read(folder, f"consumer-{way}", done.output))
    row.verdict = verdict(row)
    return row


def baseline_of(zygote: Zygote, author: dict[str, Any], script: str, folder: Path, path: tuple[Path, ...]) -> str:
    """Say what Keras alone makes of the model, with all its code at hand."""
    if not author["keras"]["ok"]:
        return f"save fails: {author['keras']['error']}"
    done = zygote.run(script, folder, path=path, check=False)
    facts = read(folder, "keras", done.output)
    if "crash" in facts:
        return f"load fails: {facts['crash']}"
    if not facts["load"]["ok"]:
        return f"load fails: {facts['load']['error']}"
    unsafe = " with safe_mode=False" if facts["load"]["options"] else ""
    compare = facts["compare"]
    if not compare["ok"]:
        return f"loads{unsafe}, use fails: {compare['error']}"
    if compare["difference"] > TOLERANCE or not compare["same_weights"]:
        return f"silently wrong{unsafe}: outputs differ by {compare['difference']:.1e}"
    if not compare["same_optimizers"]:
        return f"ok{unsafe}, optimizer state lost"
    if not compare.get("train", {"ok": True})["ok"]:
        return f"ok{unsafe}, does not train: {compare['train']['error']}"
    return f"ok{unsafe}"


def judge(row: Row, way: str, packed: dict[str, Any], facts: dict[str, Any]) -> str:
    """Say what one bundle gave, and note in `row` what the reader should know."""
    if "crash" in facts or not facts["load"]["ok"]:
        return f"does not load: {facts.get('crash') or facts['load']['error']}"
    compare = facts["compare"]
    if not compare["ok"]:
        return f"use fails: {compare['error']}"
    inference = packed["fidelity"] != "full"
    if compare["difference"] > TOLERANCE or not (inference or compare["same_weights"]):
        return f"SILENTLY WRONG: outputs differ by {compare['difference']:.1e}, weights {compare['same_weights']}"
    row.difference = max(row.difference, compare["difference"])
    row.adaptations += [item for item in packed["adaptations"] if item not in row.adaptations]
    if not inference and not compare["same_optimizers"]:
        row.remarks.append(f"{way}: optimizer state differs")
    if "train" in compare:
        train = compare["train"]
        good = train["ok"] and train["difference"] <= TRAINING_TOLERANCE
        trained = "same" if good else train.get("error") or f"differs by {train['difference']:.1e}"
        if way == "full" or row.train == "-":
            row.train = trained
    return f"works ({packed['fidelity']})"


def verdict(row: Row) -> str:
    """Return the best way that works; a bundle that was made and does not come back right outweighs it."""
    for trouble in ("SILENTLY WRONG", "crash", "does not load", "use fails"):
        if any(result.startswith(trouble) for result in row.ways.values()):
            return trouble
    for way in WAYS:
        if row.ways.get(way, "").startswith("works"):
            return way if "full" in row.ways[way] or way != "full" else "inference"
    return "refused" if row.ways else "baseline only"


def totals(rows: list[Row]) -> dict[str, int]:
    """Count the verdicts, and what Keras alone does."""
    counted: dict[str, int] = {"models": len(rows)}
    for row in rows:
        for key in (f"kbundle: {row.verdict}", f"Keras: {row.keras.split(':')[0].split(',')[0]}"):
            counted[key] = counted.get(key, 0) + 1
    return counted


def table(rows: list[Row], *, markdown: bool) -> str:
    """Return the table as text, or as Markdown."""
    lines = []
    if markdown:
        lines += [
            f"| {' | '.join(COLUMNS)} |",
            "|" + "---|" * len(COLUMNS),
        ]
    for row in rows:
        ways = [row.ways.get(way, "-") for way in WAYS]
        cells = [row.name, row.idea, row.keras, *ways, "; ".join(row.adaptations) or "-", row.train]
        cells += [f"{row.difference:.1e}", "; ".join([row.verdict, *row.remarks])]
        if markdown:
            lines.append("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |")
        else:
            lines.append(f"{row.name:24} {row.verdict:16} {row.train[:20]:20} Keras: {row.keras[:100]}")
            lines += [f"{'':24} {way}: {result[:170]}" for way, result in row.ways.items()]
            lines += [f"{'':24} {remark[:170]}" for remark in (*row.adaptations, *row.remarks)]
    lines += ["", *(f"- {name}: {number}" for name, number in sorted(totals(rows).items()))]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Return 1 where a model does not run by itself, or where its bundle is wrong, does not load, or raises."""
    # Not about the index, which would be asked for every model.
    os.environ.setdefault("KBUNDLE_OFFLINE", "1")
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME")
    parser.add_argument("--baseline", action="store_true", help="Keras alone")
    parser.add_argument("--every", action="store_true", help="bundle all three ways, also where the first one works")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--work", type=Path, help="keep the files of all processes here")
    options = parser.parse_args()
    models = sorted(MODELS.glob("*.py"), key=lambda m: m.stem.removeprefix("main_"))
    if options.only:
        models = [model for model in models if model.stem.removeprefix("main_") in options.only]
    rows = []
    zygote = Zygote()
    with tempfile.TemporaryDirectory(prefix="documented-") as scratch:
        for model in models:
            folder = (options.work or Path(scratch)).resolve() / model.stem
            row = observe(zygote, model, folder, baseline=options.baseline, every=options.every)
            rows.append(row)
            print(table([row], markdown=False).split("\n\n")[0], flush=True)
    zygote.close()
    print("\n".join(f"{number:4} {name}" for name, number in sorted(totals(rows).items())))
    if options.json:
        options.json.write_text(json.dumps({"rows": [asdict(row) for row in rows], "totals": totals(rows)}, indent=1))
    if options.markdown:
        options.markdown.write_text(table(rows, markdown=True))
    return int(any(row.verdict not in (*WAYS, "refused", "baseline only") for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
