"""``kbundle pack MODEL -o OUT``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bundler.audit.consent import consent_lines, use_lines
from bundler.cli.progress_bar import shown_progress
from bundler.errors import PackError
from bundler.manifest import RecordedUse
from bundler.manifest.codec import to_json
from bundler.report.pack_report import reported
from bundler.report.terminal_text import shown

if TYPE_CHECKING:
    from bundler.packing.bundling import PackedBundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "model",
        metavar="MODEL",
        nargs="?",
        help="a .keras file (stored byte for byte unless a TFSMLayer names a folder), an .h5 file (converted) "
        "or a SavedModel folder; "
        "with --builder a .weights.h5 file, or nothing",
    )
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the bundle to write")
    # The destinations are the keywords of `bundler.bundle`; `run` hands them on by these names.
    for word, keyword, metavar, text in (
        ("--source", "sources", "DIR", "a folder to look for the source of custom code in, as on sys.path"),
        ("--include", "include", "NAME", "an installed distribution to pack as source instead of requiring it"),
        (
            *("--skip-data", "skip_data", "PATTERN"),
            "data files that the code names but that stay behind, such as 'mypkg/corpus/*'",
        ),
        ("--module", "modules", "NAME", "one more module to pack, and to import before the model is rebuilt"),
        (
            *("--allow", "allow", "WORD"),
            "a capability that the code may use in the proof from the start, such as filesystem",
        ),
        (
            *("--builder-arg", "builder_kwargs", "NAME=JSON"),
            "an argument of the builder, such as units=64 or name='\"small\"'",
        ),
    ):
        text += " (repeat for more)"
        parser.add_argument(word, dest=keyword, metavar=metavar, action="append", default=[], help=text)
    parser.add_argument(
        "--whole",
        metavar="PATTERN",
        nargs="?",
        const="*",
        action="append",
        help="pack modules as they are, not only what the model needs of them: all, or those that fit",
    )
    parser.add_argument(
        "--reduce-included", action="store_true", help="reduce the modules of --include to what the model needs, too"
    )
    parser.add_argument(
        "--example-inputs",
        metavar="FILE",
        help="an .npz file with what to call the model with for the self-test: one array, or several by input name",
    )
    parser.add_argument(
        "--no-proof",
        dest="prove",
        action="store_false",
        help="do not load the bundle in a fresh process before it gets its name; it then says that it is not proved",
    )
    parser.add_argument(
        "--payload",
        choices=("full", "inference", "both"),
        default="full",
        help="store the model, a graph that predicts without its code, or both (default: full)",
    )
    parser.add_argument(
        "--fallback", choices=("inference",), help="store the graph if the model cannot be packed as it is"
    )
    parser.add_argument("--signature", metavar="NAME", help="of a SavedModel folder: the signature to call")
    parser.add_argument(
        "--builder",
        metavar="PKG.MOD:FUNCTION",
        help="a function below --source that returns the model untrained; the weights of MODEL go into it",
    )
    parser.add_argument(
        "--requirements",
        metavar="FILE",
        help="a requirements.txt or pylock.toml that says what must be installed, instead of what the imports say",
    )
    parser.add_argument("--offline", action="store_true", help="ask no index; the lock then has pins and no hashes")
    parser.add_argument(
        "--keep-index", action="store_true", help="keep the addresses of private indexes in the lock, without passwords"
    )
    parser.add_argument(
        "--vendor",
        action="store_true",
        help="put the wheels of small pure-Python requirements into OUT, for machines without an index",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
    parser.add_argument(
        "--report",
        metavar="PATH",
        nargs="?",
        const="",
        help="write a file to ask for help with: errors, versions, steps and the model's config without values; "
        "no weights, data or source (default: OUT.report.json)",
    )
    for field, text in (
        ("name", "what you call the model"),
        ("description", "a sentence about it"),
        ("license", "an SPDX expression"),
        ("source-revision", "the revision of your repository"),
    ):
        parser.add_argument(f"--{field}", metavar="TEXT", help=text)


def run(options: argparse.Namespace) -> int:
    """Pack the model file and say what was written."""
    # The framework logs its start-up to stderr by default; the error that matters would drown in it.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from bundler.keras_io.selftest.arrays import read_file
    from bundler.packing.bundling import pack
    from bundler.packing.options import PackOptions

    given = {name: value for name, value in vars(options).items() if name in PackOptions.__dataclass_fields__}
    given["builder_kwargs"] = _builder_arguments(options.builder_kwargs)
    if options.model is None and options.builder is None:
        raise PackError("there is nothing to pack", hint="name a .keras file, or a builder: --builder pkg.mod:function")
    if options.reduce_included:
        given["whole"] = False
    with contextlib.ExitStack() as stack:
        progress = stack.enter_context(shown_progress())
        if options.report is not None:
            report = Path(options.report or f"{options.output}.report.json")
            progress = stack.enter_context(reported(vars(options), report, progress))
        if options.example_inputs:
            given["example_inputs"] = read_file(options.example_inputs)
        packed = pack(options.model, options.output, PackOptions(**given, progress=progress))
    manifest = packed.manifest
    if options.json:
        facts = {
            "path": str(packed.path),
            "digest": packed.digest,
            "fidelity": manifest.payload.fidelity,
            "objects": len(manifest.objects),
            "modules": len(manifest.modules),
            "proved": manifest.proof is not None,
            "self_test": manifest.self_test is not None,
            "no_self_test": packed.no_self_test,
            "requirements": len(manifest.requirements.distributions) + len(manifest.requirements.transitive),
            "hashes": manifest.requirements.hashes,
            "notes": list(packed.notes),
            "source": list(packed.source),
            "asks_for": list(packed.audit.asked),
            "could": list(packed.audit.could),
            "allow": [] if manifest.proof is None else list(manifest.proof.allow),
            "uses": None if manifest.proof is None else to_json(manifest.proof.uses),
        }
        print(json.dumps(facts, indent=2))
    else:
        print(
            f"{shown(packed.path)}: custom objects: {len(manifest.objects)}, modules: {len(manifest.modules)}, "
            f"fidelity: {manifest.payload.fidelity}\n"
            f"  {'proved' if manifest.proof else 'not proved'}; "
            f"{'with a self-test' if manifest.self_test else f'no self-test: {shown(packed.no_self_test)}'}\n"
            f"{''.join(f'  {shown(line)}{chr(10)}' for line in packed.source)}"
            f"{_requirements(packed)}"
            f"{_consent(packed)}"
            f"  {packed.digest}\n  look inside: kbundle audit {shown(packed.path)}"
        )
    return 0


def _requirements(packed: PackedBundle) -> str:
    needs = packed.manifest.requirements
    hashes = {"all": "with hashes", "some": "some with hashes", "none": "without hashes"}[needs.hashes]
    count = len(needs.distributions) + len(needs.transitive)
    wheels = f", wheels inside: {len(needs.wheels)}" if needs.wheels else ""
    lines = [
        f"locked requirements: {count}, {hashes}{wheels}",
        *(f"note: {shown(note, 2_000)}" for note in packed.notes),
    ]
    return "".join(f"  {line}\n" for line in lines)


def _consent(packed: PackedBundle) -> str:
    lines = []
    if packed.audit.asked:
        lines.append(f"whoever loads it must accept: {', '.join(packed.audit.asked)}")
        lines += [f"  {shown(line)}" for line in consent_lines(packed.audit)]
    proof = packed.manifest.proof
    if proof is not None and set(proof.allow) - set(packed.audit.asked):
        lines.append(f"proved with: {', '.join(proof.allow)}")
    if proof is not None and proof.uses is not None:
        for stage, uses in proof.uses.stages():
            lines.append(f"used in the proof ({stage.replace('_', ' ')}):")
            lines += [f"  {shown(use.capability)}: {shown(_place(use))}: {shown(use.what)}" for use in uses]
        if not list(proof.uses.stages()):
            lines.append("used nothing beyond computing when it was proved")
    if packed.audit.could:
        lines.append(f"could use, and is stopped there unless that is accepted: {', '.join(packed.audit.could)}")
        lines += [f"  {shown(line)}" for line in use_lines(packed.audit)]
    return "".join(f"  {line}\n" for line in lines)


def _place(use: RecordedUse) -> str:
    module = use.module or "handed on by its code"
    return module if use.line is None else f"{module}:{use.line}"


def _builder_arguments(given: list[str]) -> dict[str, object]:
    arguments: dict[str, object] = {}
    for item in given:
        name, separator, text = item.partition("=")
        try:
            if not separator or not name.isidentifier():
                raise ValueError("there is no NAME= before it")
            arguments[name] = json.loads(text)
        except ValueError as error:
            raise PackError(
                f"this is not an argument of a builder: {error}",
                place=f"--builder-arg {item}",
                expected="NAME=JSON",
                hint="quote text twice: --builder-arg 'size=\"small\"'",
            ) from error
    return arguments
