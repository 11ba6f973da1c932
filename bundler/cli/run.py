"""``kbundle run FILE --input x.npz --output y.npz``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
from pathlib import Path

from bundler.archive.atomic import require_writable_target, whole_file, write_all
from bundler.archive.progress import tell
from bundler.archive.reader import BundleReader, check_digest, open_bundle
from bundler.audit.consent import check_words
from bundler.cli.env import add_environment_arguments
from bundler.cli.load_options import add_loading_arguments, load_options
from bundler.cli.progress_bar import shown_progress
from bundler.errors import BundleError, EnvironmentFailed, MissingDependency
from bundler.report.terminal_text import shown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument("file", metavar="FILE", help="the bundle")
    parser.add_argument(
        "--input",
        metavar="FILE",
        required=True,
        help="an .npz or .npy file with what to call the model with: one array, or several by input name",
    )
    parser.add_argument("--output", metavar="FILE", required=True, help="the .npz file to write what it answers to")
    parser.add_argument("--overwrite", action="store_true", help="replace the output file if it exists")
    parser.add_argument(
        "--environment",
        choices=("current", "locked"),
        default="current",
        help="current: load it into this Python; locked: into an environment with the author's versions, "
        "which is made first if it is not there (kbundle env)",
    )
    add_environment_arguments(parser)
    add_loading_arguments(parser)
    # For the same command in another environment: the file that the first one looked at.
    parser.add_argument("--pinned", help=argparse.SUPPRESS)
    parser.add_argument("--batch-size", metavar="N", type=int, default=32, help="rows at a time (default: 32)")


def run(options: argparse.Namespace) -> int:
    """Load the bundle, which runs its code, call the model and write what it answers."""
    target = Path(options.output)
    _check(options, target)
    with open_bundle(options.file) as reader:
        check_digest(reader, options.digest or options.pinned)
        if options.environment == "locked":
            return _run_locked(options, reader)
        return _run_here(options, reader, target)


def _check(options: argparse.Namespace, target: Path) -> None:
    """Refuse what cannot work before minutes go by."""
    if options.batch_size < 1:
        raise BundleError(
            "a batch has at least one row", place="--batch-size", found=options.batch_size, hint="leave it out"
        )
    if options.environment == "current":
        for name in ("python", "allow_unchecked", "offline"):
            if getattr(options, name):
                word = f"--{name.replace('_', '-')}"
                raise BundleError(
                    "this is about the locked environment", place=word, hint="add --environment locked, or leave it out"
                )
    if not os.path.isfile(options.input):
        raise BundleError("there is no such file", place=options.input, hint="numpy.savez(path, name=array, ...)")
    check_words(options.allow)
    require_writable_target(target, overwrite=options.overwrite)


def _run_here(options: argparse.Namespace, reader: BundleReader, target: Path) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from bundler.keras_io.framework import require_installed
    from bundler.keras_io.selftest.prediction import predict, read_inputs
    from bundler.unpacking.unbundling import load

    try:
        require_installed()
    except MissingDependency as error:
        raise MissingDependency(
            error.message, hint=f"add --environment locked, which needs nothing here; or {error.hint}"
        ) from error
    inputs = read_inputs(options.input)
    with shown_progress() as progress:
        model = load(reader, load_options(options, compile=False, progress=progress))
        tell(progress, "predicting")
        outputs = predict(model, inputs, reader.manifest, batch_size=options.batch_size)
    with whole_file(target, overwrite=options.overwrite) as file:
        write_all(file, outputs.content)
    if options.json:
        facts = {
            "path": options.file,
            "digest": reader.digest,
            "output": str(target),
            "arrays": {name: {"shape": list(shape), "dtype": dtype} for name, shape, dtype in outputs.arrays},
        }
        print(json.dumps(facts, indent=2))
    else:
        for name, shape, dtype in outputs.arrays:
            print(f"{shown(target)}: {shown(name)}  {dtype} [{', '.join(map(str, shape))}]")
    return 0


def _run_locked(options: argparse.Namespace, reader: BundleReader) -> int:
    """Run the same command in the bundle's environment; nothing of the framework comes into this process."""
    from bundler.requirements.environments.environment import held_environment
    from bundler.requirements.programs import scrubbed_environment

    with contextlib.ExitStack() as stack:
        with shown_progress() as progress:
            held = stack.enter_context(
                held_environment(
                    reader,
                    python=options.python,
                    allow_unchecked=options.allow_unchecked,
                    offline=options.offline,
                    progress=progress,
                )
            )
        python = str(held.environment.python)
        try:
            # The child holds the lock too: the environment stays even if this process is killed before it.
            code = subprocess.call(  # noqa: S603 - our own program with the caller's own arguments
                [python, "-I", "-m", "bundler", *_same_command(options, reader)],
                env=scrubbed_environment(),
                pass_fds=[held.descriptor] if os.name == "posix" else [],
            )
        except OSError as error:
            raise EnvironmentFailed(
                f"the environment's Python cannot be started: {error.strerror or error}",
                place=python,
                hint=f"kbundle cache prune --key {held.environment.key}, then try again",
            ) from error
    if code < 0:
        raise BundleError(
            f"the process that ran the model was ended by signal {-code}",
            place=python,
            hint="if that was 9, look at the memory that the model takes",
        )
    return code


def _same_command(options: argparse.Namespace, reader: BundleReader) -> list[str]:
    # Values are joined to their words, so that one that begins with a dash stays a value.
    words = [
        "run",
        f"--input={options.input}",
        f"--output={options.output}",
        "--environment=current",
        # In a word of its own, since --digest accepts what the file asks for.
        f"--pinned={reader.digest}" if options.digest is None else f"--digest={options.digest}",
        f"--batch-size={options.batch_size}",
        f"--requirements={options.requirements}",
        *(f"--allow={word}" for word in options.allow),
    ]
    if options.policy is not None:
        words.append(f"--policy={options.policy}")
    if options.fidelity is not None:
        words.append(f"--fidelity={options.fidelity}")
    if options.overwrite:
        words.append("--overwrite")
    if options.json:
        words.append("--json")
    return [*words, "--", options.file]
