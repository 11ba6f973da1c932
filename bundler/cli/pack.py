"""``kbundle pack MODEL -o OUT``."""

from __future__ import annotations

import argparse
import json
import os

from bundler.cli.progress import shown_progress
from bundler.report.text import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("model", metavar="MODEL", help="a .keras file; it is stored byte for byte")
    parser.add_argument("-o", "--output", metavar="OUT", required=True, help="the bundle to write")
    parser.add_argument(
        "--source",
        metavar="DIR",
        action="append",
        default=[],
        help="a folder to look for the source of custom code in, as on sys.path (repeat for more)",
    )
    parser.add_argument(
        "--include",
        metavar="NAME",
        action="append",
        default=[],
        help="an installed distribution to pack as source instead of requiring it (repeat for more)",
    )
    parser.add_argument(
        "--skip-data",
        metavar="PATTERN",
        action="append",
        default=[],
        help="data files that the code names but that stay behind, such as 'mypkg/corpus/*' (repeat for more)",
    )
    parser.add_argument(
        "--module",
        metavar="NAME",
        action="append",
        default=[],
        help="one more module to pack, and to import before the model is rebuilt (repeat for more)",
    )
    parser.add_argument(
        "--example-inputs",
        metavar="FILE",
        help="an .npz file with what to call the model with for the self-test: one array, or several by input name",
    )
    parser.add_argument(
        "--no-proof",
        action="store_true",
        help="do not load the bundle in a fresh process before it gets its name; it then says that it is not proved",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace OUT if it exists")
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
    from bundler.keras_io.arrays import read_file
    from bundler.pack import bundle

    with shown_progress() as progress:
        packed = bundle(
            options.model,
            options.output,
            sources=options.source,
            include=options.include,
            skip_data=options.skip_data,
            modules=options.module,
            example_inputs=read_file(options.example_inputs) if options.example_inputs else None,
            prove=not options.no_proof,
            overwrite=options.overwrite,
            name=options.name,
            description=options.description,
            license=options.license,
            source_revision=options.source_revision,
            progress=progress,
        )
    manifest = packed.manifest
    if options.json:
        facts = {
            "path": str(packed.path),
            "digest": packed.digest,
            "objects": len(manifest.objects),
            "modules": len(manifest.modules),
            "proved": manifest.proof is not None,
            "self_test": manifest.self_test is not None,
            "no_self_test": packed.no_self_test,
        }
        print(json.dumps(facts, indent=2))
    else:
        print(
            f"{shown(packed.path)}: custom objects: {len(manifest.objects)}, modules: {len(manifest.modules)}\n"
            f"  {'proved' if manifest.proof else 'not proved'}; "
            f"{'with a self-test' if manifest.self_test else f'no self-test: {shown(packed.no_self_test)}'}\n"
            f"  {packed.digest}\n  look inside: kbundle inspect {shown(packed.path)}"
        )
    return 0
