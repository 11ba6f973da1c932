"""Layers that others wrote, audited as the source of a bundle: how many need no consent, and why the rest asks.

::

    python -m tests.acceptance.benign                     # Keras's own layers, as installed
    python -m tests.acceptance.benign --more src/         # and the packages below src/, each unpacked in a folder
    python -m tests.acceptance.benign --strict            # count what is held only when it is used, too

Every package is audited as one bundle, with all that it imports as locked requirements. Only modules that define
layers, losses, metrics, models and the like are counted; a module counts as accepted if no finding in it asks for
consent before anything runs. The caps on the size of a bundle's source are lifted: some packages are larger than any
bundle. `tests.acceptance.imported` imports the same modules.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from bundler.audit import source
from bundler.audit.finding import Finding, Held, Severity
from bundler.audit.source import SourceText
from bundler.audit.source.closed_functions import close_source

_KINDS = "Layer|Cell|Loss|Metric|Initializer|Regularizer|Constraint|Model|Wrapper|RNN|Conv|Dense"
_DEFINES = re.compile(rf"class \w+\([^)]*({_KINDS})[^)]*\)")
_TESTS = re.compile(r"_test\.py$|/tests?/|conftest|/test_|setup\.py$")


class Everything(Mapping[str, str]):
    """Requirements that have whatever is imported."""

    def __getitem__(self, name: str) -> str:
        return name

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def keras_layers() -> tuple[Path, list[Path]]:
    """Return the folder that Keras lies in, and the modules of its layers."""
    spec = importlib.util.find_spec("keras")
    assert spec is not None
    assert spec.origin is not None
    root = Path(spec.origin).parents[1]
    return root, modules_below(root / "keras" / "src" / "layers")


def modules_below(folder: Path) -> list[Path]:
    """Return the Python files below `folder`, but for tests."""
    return sorted(path for path in folder.rglob("*.py") if not _TESTS.search(path.as_posix()))


def texts_of(root: Path, files: list[Path]) -> list[SourceText]:
    """Return the modules of `files`, named from `root`."""
    texts = []
    for path in files:
        parts = list(path.relative_to(root).with_suffix("").parts)
        package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if package else parts)
        texts.append(SourceText(name=name or root.name, member=str(path), text=path.read_bytes(), package=package))
    return texts


def defines_model_parts(text: bytes) -> bool:
    """Say whether the source `text` defines a layer, a loss, a metric, a model or the like."""
    return _DEFINES.search(text.decode(errors="replace")) is not None


def asks(finding: Finding, *, strict: bool = False) -> bool:
    """Say whether `finding` asks for consent before anything runs; with `strict`, whether it asks at all."""
    return finding.severity is Severity.CONSENT and (strict or finding.held is Held.LOAD)


def consent_by_module(root: Path, files: list[Path], *, strict: bool = False) -> dict[str, list[Finding]]:
    """Return the findings that ask for consent, by the path of each module that defines something of a model."""
    texts = texts_of(root, files)
    wanted = {text.member for text in texts if defines_model_parts(text.text)}
    found: dict[str, list[Finding]] = {member: [] for member in sorted(wanted)}
    for finding in close_source(texts, Everything(), ()).findings:
        if asks(finding, strict=strict) and finding.member in found:
            found[finding.member].append(finding)
    return found


def main() -> None:
    """Audit, count and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--more", type=Path, help="a folder with one folder a package")
    parser.add_argument("--strict", action="store_true", help="count what is held when it is used, too")
    parser.add_argument("--reasons", type=int, default=40)
    parser.add_argument("--json", type=Path, help="write what each module asks for to this file")
    options = parser.parse_args()
    source.NODES = source.TOTAL_BYTES = 10**9
    packages = {"keras (layers)": keras_layers()}
    if options.more is not None:
        packages |= {folder.name: (folder, modules_below(folder)) for folder in sorted(options.more.iterdir())}
    accepted = Counter[str]()
    total = Counter[str]()
    reasons = Counter[str]()
    every: dict[str, dict[str, list[str]]] = {}
    for name, (root, files) in packages.items():
        found = consent_by_module(root, files, strict=options.strict)
        every[name] = {
            Path(member).relative_to(root).as_posix(): [f"{f.capability}: {f.line}: {f.what}" for f in findings]
            for member, findings in found.items()
        }
        total[name], accepted[name] = len(found), sum(not findings for findings in found.values())
        print(f"{name:24} {accepted[name]:4} of {total[name]:4} modules without consent")
        for findings in found.values():
            reasons.update({f"{item.capability}: {item.what.partition(';')[0]}" for item in findings})
    print(f"{'all':24} {accepted.total():4} of {total.total():4}")
    for reason, count in reasons.most_common(options.reasons):
        print(f"{count:4}  {reason[:150]}")
    if options.json is not None:
        options.json.write_text(json.dumps(every, indent=1))


if __name__ == "__main__":
    main()
