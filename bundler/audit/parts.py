"""Hands each member of a bundle to the part of the audit that reads its kind."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from bundler.audit.config import config_findings, config_problem
from bundler.audit.config.stock import keras_versions
from bundler.audit.consistency.contradictions import consistency_findings
from bundler.audit.finding import Check, Finding, Severity
from bundler.audit.graph import Opener, saved_model_findings
from bundler.audit.lock.lock_findings import MALFORMED, lock_findings
from bundler.audit.model_file import archive_findings
from bundler.audit.page_contents import Contents
from bundler.audit.pickles.pickle_findings import bundled_modules, opaque_findings
from bundler.audit.source import SourceText, source_findings
from bundler.audit.source.closed_functions import close_source
from bundler.audit.subject import Subject
from bundler.audit.weights import arrays_findings, weights_findings
from bundler.formats.hdf5 import read_hdf5
from bundler.formats.keras_archive import ARRAYS, CONFIG, WEIGHTS, KerasArchive, open_keras_file
from bundler.formats.keras_config import read_config
from bundler.formats.npz import read_npz
from bundler.formats.problem import Problem
from bundler.formats.python.outline import definitions_of
from bundler.formats.stored_arrays import Tensor
from bundler.limits import LIMITS
from bundler.manifest import Manifest, Payload

#: Where a bundle has the graphs of its `TFSMLayer`s, each in a folder with a number.
_GRAPHS = PurePosixPath("model/tfsm")


class Parts:
    """The findings and checks of one bundle as they add up.

    Attributes:
        findings: what was found.
        checks: what was looked at, and what was not.
        config: the value of the model's ``config.json``, once it was read.
        tensors: the arrays of the model's weights, once they were read.
        closed: the text that runs in place of a module's own, by member, once the source was read.
    """

    def __init__(self, subject: Subject, offered: Collection[str] = ()) -> None:
        self.findings: list[Finding] = []
        self.checks: list[Check] = []
        self.config: Any = None
        self.tensors: tuple[Tensor, ...] | None = None
        self.closed: Mapping[str, bytes] = {}
        self._subject = subject
        self._offered = offered
        self._referred: frozenset[str] = frozenset()

    def payload(self, payload: Payload) -> None:
        """Look at a model: the ``.keras`` file with its config and weights, or the graph."""
        if payload.kind == "keras":
            if self._subject.model is not None:
                self._keras_file(payload, self._subject.model)
                return
            with self._subject.open(payload.member) as file:
                self._keras_file(payload, open_keras_file(file, self._subject.members[payload.member]))
        else:
            self._graph(PurePosixPath(payload.member).parent)

    def graphs_of_layers(self) -> None:
        """Look at the graphs that the model's `TFSMLayer`s read."""
        for folder in self._graph_folders():
            self._graph(PurePosixPath(folder))

    def source(self, accepted: Collection[str], *, close: bool) -> None:
        """Look at the source of every module; with `close`, functions that nothing holds are closed, not refused."""
        texts, requirements = source_of(self._subject.manifest, self._subject.read)
        if close:
            closing = close_source(texts, requirements, accepted)
            found, self.closed = closing.findings, closing.texts
        else:
            found = source_findings(texts, requirements)
        self._add("source", found, f"{_counted(len(texts), 'module')}, nothing imported")

    def data(self) -> None:
        """Look at the arrays that generated modules read from a file beside them."""
        made = {f"{module.name}_values.npz" for module in self._subject.manifest.modules if module.generated}
        for item in self._subject.manifest.data:
            if item.path in made:
                with self._subject.open(item.member) as file:
                    read = read_npz(file, self._subject.members[item.member], structured=False)
                found = arrays_findings(read, member=item.member)
                self._add("arrays of the source", found, "headers against sizes, no objects")

    def opaque(self) -> None:
        """Look at what is stored as a pickle instead of source."""
        stored = [item for item in self._subject.manifest.objects if item.opaque is not None]
        found: list[Finding] = []
        referred: set[str] = set()
        for item in stored:
            assert item.opaque is not None  # noqa: S101 - for mypy
            data = self._subject.read(item.opaque.member)
            found += opaque_findings(data, member=item.opaque.member, what=f"{item.module}.{item.qualname}")
            referred |= bundled_modules(data)
        self._referred = frozenset(referred)
        if stored:
            self._add("pickles", found, f"{_counted(len(stored), 'pickle')}, opcode by opcode, nothing unpickled")

    def examples(self) -> None:
        """Look at the arrays of the self-test."""
        test = self._subject.manifest.self_test
        if test is None:
            return
        found: list[Finding] = []
        for member in (test.inputs, test.outputs):
            with self._subject.open(member) as file:
                found += arrays_findings(read_npz(file, self._subject.members[member]), member=member)
        self._add("self-test arrays", found, "headers against sizes, no objects")

    def lock(self, osv: Path | None) -> None:
        """Look at the requirements."""
        needs = self._subject.manifest.requirements
        locked = self._bounded(needs.lock)
        findings, checks = lock_findings(self._subject.manifest, locked, self._bounded(needs.member), osv=osv)
        for member in filter(None, (needs.lock, needs.member)):
            if self._subject.members.get(member, 0) > LIMITS.lock:
                what = f"{self._subject.members[member]} bytes; more than {LIMITS.lock} are not read"
                findings.append(MALFORMED.at(member, what))
        self.findings += findings
        self.checks += checks

    def consistency(self) -> None:
        """Look for what contradicts what."""
        manifest = self._subject.manifest
        packages = frozenset(module.name for module in manifest.modules if module.package)
        texts = {module.name: self._subject.read(module.member) for module in manifest.modules}
        found = consistency_findings(
            manifest,
            self.config,
            definitions_of(texts, packages),
            None if self.tensors is None else [tensor.path for tensor in self.tensors],
            referred=self._referred,
        )
        self._add("consistency", found, "what the manifest, the config, the source and the weights say of each other")

    def contents(self) -> Contents:
        """Return what a page of the bundle shows beside the findings, as far as it was read."""
        manifest = self._subject.manifest
        lock = self._bounded(manifest.requirements.lock) or self._bounded(manifest.requirements.member) or b""
        return Contents(
            manifest=manifest,
            config=self.config,
            sources={
                module.member: self._subject.read(module.member).decode("utf-8", errors="replace")
                for module in manifest.modules
            },
            tensors=self.tensors or (),
            lock_text=lock.decode("utf-8", errors="replace"),
        )

    def _keras_file(self, payload: Payload, archive: KerasArchive) -> None:
        member = payload.member
        found = archive_findings(archive, member=member)
        self._add("model file", found, "the ZIP of Keras")
        if any(finding.severity is Severity.REFUSED for finding in found):
            for subject in ("config", "weights"):
                self.checks.append(Check(subject=subject, done=False, detail="the model file was refused"))
            return
        self._config(payload, archive)
        if ARRAYS in archive.members:
            with archive.open(ARRAYS) as arrays:
                read = read_npz(arrays, archive.members[ARRAYS].size)
            found = arrays_findings(read, member=member, inside=ARRAYS)
            self._add("arrays of the config", found, "headers against sizes, no objects")
        inner = archive.members[WEIGHTS]
        with archive.open(WEIGHTS) as weights:
            read_weights = read_hdf5(weights, inner.size)
        self.tensors = read_weights.tensors
        found = weights_findings(read_weights, member=member, inside=WEIGHTS)
        self._add("weights", found, f"{_counted(len(self.tensors), 'tensor')} of {inner.size} bytes, nothing mapped")

    def _config(self, payload: Payload, archive: KerasArchive) -> None:
        text = archive.read(CONFIG, LIMITS.keras_config)
        read = read_config(text)
        if isinstance(read, Problem):
            found = [config_problem(read, member=payload.member)]
        else:
            self.config = read
            found = config_findings(
                self.config,
                member=payload.member,
                objects=self._subject.manifest.objects,
                offered=self._offered,
                graphs=self._graph_folders(),
                weight_bytes=archive.members[WEIGHTS].size,
                keras_version=payload.keras_version,
            )
        known = keras_versions()
        self._add("config", found, f"every node against the classes of Keras {known[0]} to {known[-1]}")

    def _graph(self, folder: PurePosixPath) -> None:
        subject = self._subject
        files = {
            name: Opener(member, functools.partial(subject.open, member), subject.members[member])
            for name, member in subject.below(str(folder)).items()
        }
        self._add(
            "graph", saved_model_findings(files, place=str(folder)), f"{folder}: every operation of every function"
        )

    def _graph_folders(self) -> list[str]:
        names = [PurePosixPath(name) for name in self._subject.names]
        deep = len(_GRAPHS.parts)
        return sorted(
            {
                str(PurePosixPath(*name.parts[: deep + 1]))
                for name in names
                if name.is_relative_to(_GRAPHS) and len(name.parts) > deep + 1
            }
        )

    def _bounded(self, member: str | None) -> bytes | None:
        """Return the content of a member that is small in every real bundle; `None` where there is none."""
        if member is None or self._subject.members.get(member, 0) > LIMITS.lock:
            return None
        return self._subject.read(member)

    def _add(self, subject: str, findings: list[Finding], detail: str) -> None:
        self.findings += findings
        self.checks.append(Check(subject=subject, done=True, detail=detail))


def source_of(manifest: Manifest, read: Callable[[str], bytes]) -> tuple[list[SourceText], dict[str, str]]:
    """Return the modules of a bundle, and its distributions by the names that they are imported as."""
    texts = [
        SourceText(name=module.name, member=module.member, text=read(module.member), package=module.package)
        for module in manifest.modules
    ]
    needs = manifest.requirements
    return texts, {
        name: item.name for item in (*needs.distributions, *needs.transitive) for name in (*item.imports, item.name)
    }


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
