"""What `kbundle pack --report` writes: why a model does not travel, without the model.

It is made to be sent to strangers. Of the model it has the config without values (`stripped`), and neither weights nor
source.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import platform
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bundler.archive.progress import Progress
from bundler.errors import BundleError, PackError
from bundler.keras_io.files import keras_file, legacy_h5
from bundler.report.stripped import config_outline, place_of, stripped
from bundler.report.terminal_text import shown
from bundler.version import __version__

_FIRST = "kbundle_report"
_ABOUT = (
    "Made by kbundle pack --report. It holds no weights, no data and no source; texts, paths and values were cut out. "
    "Messages may still name what you would rather not show: read it before you send it."
)
_PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "tf-nightly", "numpy", "h5py", "cloudpickle")
#: Options whose texts are the author's own; of these only that they were given is told.
_PRIVATE = (
    *("model", "output", "source", "report", "example_inputs", "builder", "builder_arg", "requirements"),
    *("name", "description", "license", "source_revision"),
)
_MOST_CAUSES, _MOST_FRAMES = 10, 40


@dataclass(frozen=True, slots=True)
class _Steps:
    """Passes progress on, and keeps what was done in its order, once where it repeats itself."""

    forward: Progress | None
    lines: list[str] = field(default_factory=list)

    def __call__(self, what: str, done: int, total: int) -> None:
        line = stripped(what)
        if self.lines[-1:] != [line]:
            self.lines.append(line)
        if self.forward is not None:
            self.forward(what, done, total)


@contextlib.contextmanager
def reported(options: Mapping[str, Any], path: Path, progress: Progress | None) -> Iterator[Progress]:
    """Yield a progress callback; write the report to `path` when the block ends, also when it fails.

    Raises:
        PackError: `path` is another file, which is left alone.
    """
    _require_own(path)
    steps, error = _Steps(progress), None
    try:
        yield steps
    except Exception as caught:
        error = caught
        raise
    finally:
        # Not about an interrupt, which is not a failure of the model.
        if error is not None or sys.exc_info()[0] is None:
            _write(path, {_FIRST: 1, "about": _ABOUT, **_facts(options, error, steps.lines)})


def _write(path: Path, report: dict[str, Any]) -> None:
    try:
        path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        # What packing said matters more.
        print(f"kbundle: the report cannot be written: {shown(error)}", file=sys.stderr)
        return
    print(
        f"kbundle: the report is in {shown(path)}; it holds no weights, data or source. Read it before you send it.",
        file=sys.stderr,
    )


def _require_own(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_own = file.read(40).startswith(f'{{\n  "{_FIRST}"'.encode())
    except FileNotFoundError:
        return
    except OSError as error:
        raise PackError(f"the report cannot be written here: {error}", place=str(path), hint="give a file") from error
    if not is_own:
        raise PackError(
            "this file is there already and is not a report of kbundle",
            place=str(path),
            hint="give another one: --report=PATH; or --report as the last argument, for OUT.report.json",
        )


def _facts(options: Mapping[str, Any], error: BaseException | None, steps: list[str]) -> dict[str, Any]:
    config, reason = _config(options["model"])
    return {
        "result": "packed" if error is None else "failed",
        "error": [_error(item) for item in _causes(error)],
        "versions": _versions(),
        "options": {
            name: "given" if name in _PRIVATE else _option(value)
            for name, value in sorted(options.items())
            if (value is False if name == "prove" else value not in (None, False, "", [])) and not callable(value)
        },
        "attempts": [line for line in steps if line.startswith("trying")],
        "steps": steps,
        "config": config,
        "no_config": reason,
    }


def _option(value: Any) -> Any:
    return [stripped(item) for item in value] if isinstance(value, list) else value


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    for _ in range(_MOST_CAUSES):
        if error is None:
            return
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _error(error: BaseException) -> dict[str, Any]:
    frames = [
        f"{place_of(frame.f_code.co_filename)}:{line} in {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    facts: dict[str, Any] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}",
        "message": stripped("\n".join([str(error), *getattr(error, "__notes__", ())])).split("\n"),
        "frames": frames[-_MOST_FRAMES:],
    }
    if isinstance(error, BundleError):
        facts |= {name: getattr(error, name, None) for name in ("stage", "module", "qualname", "missing_module")}
    return {name: value for name, value in facts.items() if value is not None}


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform(), "kbundle": __version__}
    for name in _PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    backend = getattr(getattr(sys.modules.get("keras"), "config", None), "backend", None)
    found["backend"] = backend() if backend else os.environ.get("KERAS_BACKEND", "unset")
    return found


def _config(model: str | None) -> tuple[Any, str | None]:
    """Return the outline of the model's config, or why there is none."""
    path = Path(model or "")
    read = {".keras": keras_file.read_config, ".h5": legacy_h5.read_config, ".hdf5": legacy_h5.read_config}
    if path.suffix not in read or path.name.endswith(".weights.h5"):
        return None, "only .keras and .h5 files with a model have one"
    try:
        return config_outline(read[path.suffix](path)), None
    # OSError is raised about a path that is not there; RecursionError about a config deeper than Python can read.
    except (BundleError, OSError, ImportError, RecursionError) as error:
        return None, f"it cannot be read: {stripped(str(error))}"
