"""The lock against a machine: every rule of docs/requirements.md, from metadata alone."""

from __future__ import annotations

import dataclasses
import importlib
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from bundler.errors import BundleError, RequirementsNotMet, RequirementsWarning
from bundler.manifest import DirectSource, Manifest, Parameters, PinnedDistribution, SelfTest
from bundler.report.machine_table import as_text
from bundler.requirements.admit import admit, check_mode
from bundler.requirements.api import as_json
from bundler.requirements.compare import Comparison, Row, compare
from bundler.unpacking import evidence
from bundler.unpacking.evidence import warn_unmeasured
from tests.manifest import samples
from tests.sources.trees import installed

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


def pin(name: str, version: str, *imports: str, **more: Any) -> PinnedDistribution:
    return PinnedDistribution(name=name, version=version, imports=imports, **more)


FRAMEWORK = (pin("keras", "3.15.1", "keras"), pin("tensorflow-cpu", "2.21.0", "tensorflow"))


class Machine:
    """A folder of installed distributions that is all of `sys.path`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def has(self, name: str, version: str, top: str | None = None, *, needs: tuple[str, ...] = ()) -> None:
        top = top or name.replace("-", "_")
        installed(self.folder, name, {f"{top}/__init__.py": "raise SystemExit('imported')"}, version=version)
        with (self.folder / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA").open("a") as metadata:
            metadata.write("".join(f"Requires-Dist: {need}\n" for need in needs))

    def compared(self, *pins: PinnedDistribution, **changes: Any) -> Comparison:
        return compare(manifest(*pins, **changes), samples.small().payload)

    def row(self, *pins: PinnedDistribution, name: str, **changes: Any) -> Row:
        return next(row for row in self.compared(*pins, **changes).rows if row.name == name)


def manifest(*pins: PinnedDistribution, **changes: Any) -> Manifest:
    requirements = dataclasses.replace(
        samples.small().requirements, **{"packed_under": RUNNING, **changes, "distributions": pins}
    )
    return samples.small(requirements=requirements)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    importlib.import_module("quopri")  # Python 3.13 and later import it where metadata is first read
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in ("keras", "tensorflow"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("locked", "here", "verdict", "reason"),
    [
        ("1.15.3", "1.15.3", "harmless", "the locked version"),
        ("1.0", "1.0.0", "harmless", "the locked version"),
        ("2.3+cpu", "2.3+cu12", "harmless", "another build"),
        ("2.3", "2.3.post1", "harmless", "another post-release"),
        ("1.15.3", "1.15.2", "may differ", "older than the locked version"),
        ("1.15.3", "1.16.0", "may differ", "newer than the locked version"),
        ("1.15.3", "1.16.0rc1", "may differ", "a prerelease"),
        ("1.16.0rc1", "1.16.0", "may differ", "newer"),
        ("1.15.3", "2.0", "will break", "another major version"),
        ("1.15.3", "0.9", "will break", "another major version"),
        ("1.0", "1!1.0", "will break", "another major version"),
        ("2025.1", "2026.2", "may differ", "newer"),
        ("what", "ever", "may differ", "PEP 440 does not order"),
        ("1.0", None, "missing", "the code imports scipy"),
    ],
)
def test_rule_for_what_the_code_imports(
    machine: Machine, locked: str, here: str | None, verdict: str, reason: str
) -> None:
    if here is not None:
        machine.has("scipy", here)
    row = machine.row(pin("scipy", locked, "scipy"), name="scipy")
    assert (row.verdict, row.found, row.role) == (verdict, here, "direct")
    assert reason in row.reason


@pytest.mark.parametrize(
    ("keras", "verdict", "reason"),
    [
        ("3.15.1", "harmless", "the locked version"),
        ("3.15.0", "may differ", "an older patch release of the Keras that saved the model (3.15.1)"),
        ("3.14.2", "will break", "older than the Keras that saved the model (3.15.1)"),
        ("3.15.1rc1", "will break", "older than the Keras that saved the model (3.15.1)"),
        ("3.16.0", "may differ", "newer"),
        ("3.9.2", "will break", "kbundle needs keras 3.10 or newer"),
        ("4.0", "will break", "another major version"),
        (None, "missing", "nothing here provides keras"),
    ],
)
def test_rule_for_keras(machine: Machine, keras: str | None, verdict: str, reason: str) -> None:
    if keras is not None:
        machine.has("keras", keras)
    row = machine.row(*FRAMEWORK, name="keras")
    assert (row.verdict, row.found) == (verdict, keras)
    assert reason in row.reason


@pytest.mark.parametrize(
    ("name", "version", "verdict", "reason"),
    [
        ("tensorflow-cpu", "2.21.0", "harmless", "the locked version"),
        ("tensorflow", "2.21.0", "harmless", "another build of tensorflow: the locked version"),
        ("acme-tf", "2.21.0+acme", "harmless", "another build"),
        ("tensorflow", "2.20.0", "may differ", "older"),
        ("tf-nightly", "2.22.0.dev20260101", "may differ", "a prerelease"),
        ("tensorflow", "2.18.1", "will break", "kbundle needs tensorflow 2.19 or newer"),
        ("tensorflow", "3.0", "will break", "another major version"),
    ],
)
def test_variants_of_tensorflow_are_one_family(
    machine: Machine, name: str, version: str, verdict: str, reason: str
) -> None:
    machine.has(name, version, "tensorflow")
    row = machine.row(*FRAMEWORK, name="tensorflow-cpu")
    assert row.verdict == verdict
    assert reason in row.reason
    assert row.found == (version if name == "tensorflow-cpu" else f"{name} {version}")


def test_leftover_metadata_of_a_removed_framework_is_not_the_framework(machine: Machine) -> None:
    machine.has("tensorflow", "2.21.0")
    (machine.folder / "tensorflow/__init__.py").unlink()
    assert machine.row(*FRAMEWORK, name="tensorflow-cpu").verdict == "missing"


def test_metadata_without_a_version_is_not_a_distribution(machine: Machine) -> None:
    machine.has("scipy", "1.0")
    (machine.folder / "scipy-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: scipy\n")
    assert machine.row(pin("scipy", "1.0", "scipy"), name="scipy").verdict == "missing"


def test_optional_requirement_may_be_absent(machine: Machine) -> None:
    assert machine.row(pin("extra", "1", "extra", optional=True), name="extra").verdict == "may differ"


@pytest.mark.parametrize(
    ("python", "under", "verdict"),
    [(">=3.99", RUNNING, "will break"), (">=3.11", "3.99", "may differ"), (">=3.11", RUNNING, "harmless")],
)
def test_rule_for_python(machine: Machine, python: str, under: str, verdict: str) -> None:
    row = machine.row(name="python", python=python, packed_under=under)
    assert row.verdict == verdict


def test_what_nothing_here_needs_may_be_absent(machine: Machine) -> None:
    machine.has("scipy", "1.0", needs=("wanted>=1", "elsewhere; sys_platform == 'nowhere'"))
    rows = {
        row.name: row
        for row in machine.compared(
            pin("scipy", "1.0", "scipy"), transitive=(pin("wanted", "1.0"), pin("elsewhere", "1.0"))
        ).rows
    }
    assert (rows["wanted"].verdict, rows["wanted"].reason) == ("missing", "scipy needs it")
    assert rows["elsewhere"].verdict == "harmless"


@pytest.mark.parametrize(
    ("here", "verdict"), [("1.5", "harmless"), ("2.0", "may differ"), ("3.0", "will break"), ("1.0", "harmless")]
)
def test_what_the_code_does_not_import_is_judged_by_who_needs_it(machine: Machine, here: str, verdict: str) -> None:
    machine.has("scipy", "1.0", needs=("below<3",))
    machine.has("below", here)
    row = machine.row(pin("scipy", "1.0", "scipy"), transitive=(pin("below", "1.0"),), name="below")
    assert row.verdict == verdict


@pytest.mark.parametrize(
    ("tool", "user", "verdict"),
    [
        ("setuptools", "tensorflow", "harmless"),
        ("setuptools", "rich", "harmless"),  # rich is Keras's
        ("setuptools", "scipy", "may differ"),
        ("protobuf", "tensorflow", "may differ"),
    ],
)
def test_another_tool_of_the_framework_is_harmless(machine: Machine, tool: str, user: str, verdict: str) -> None:
    needs = {"keras": ["rich"], "tensorflow": ["setuptools"], "rich": [], "scipy": ["keras"]}
    needs[user].append(tool)
    machine.has("acme-tf", "2.21.0", "tensorflow", needs=tuple(needs["tensorflow"]))
    for name, version in (("keras", "3.15.1"), ("rich", "13"), ("scipy", "1")):
        machine.has(name, version, needs=tuple(needs[name]))
    machine.has(tool, "80.0")
    row = machine.row(*FRAMEWORK, pin("scipy", "1", "scipy"), transitive=(pin(tool, "65.5"),), name=tool)
    assert (row.verdict, row.role) == (verdict, "transitive")


def test_a_tool_that_the_code_imports_itself_is_no_tool(machine: Machine) -> None:
    machine.has("setuptools", "80.0")
    assert machine.row(pin("setuptools", "65.5", "setuptools"), name="setuptools").verdict == "will break"


def test_a_graph_needs_the_framework_alone(machine: Machine) -> None:
    machine.has("keras", "3.14.0")
    machine.has("tensorflow", "2.20.0")
    graph = dataclasses.replace(samples.small().payload, kind="saved_model", fidelity="inference")
    rows = {row.name: row.verdict for row in compare(manifest(*FRAMEWORK, pin("scipy", "1", "scipy")), graph).rows}
    assert rows == {"python": "harmless", "keras": "may differ", "tensorflow-cpu": "will break"}


def test_refuses_and_names_the_one_command(machine: Machine) -> None:
    machine.has("keras", "3.12.0")
    machine.has("tensorflow", "2.21.0")
    repository = DirectSource(kind="vcs", url="git+https://host.example/r.git#subdirectory=s", revision="abc")
    needs = (*FRAMEWORK, pin("scipy", "1.15.3", "scipy"), pin("fromgit", "1", "fromgit", source=repository))
    with pytest.raises(RequirementsNotMet) as caught:
        admit(machine.compared(*needs), "check", "sha256:1")
    assert caught.value.install == (
        "fromgit @ git+https://host.example/r.git@abc#subdirectory=s",
        "keras==3.15.1",
        "scipy==1.15.3",
    )
    assert (
        "pip install 'fromgit @ git+https://host.example/r.git@abc#subdirectory=s' keras==3.15.1 scipy==1.15.3"
        in str(caught.value)
    )
    assert "keras 3.15.1: will break, 3.12.0 is here" in str(caught.value)


def test_warns_once_a_bundle_of_what_may_differ(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "_settled", set())
    machine.has("scipy", "1.15.2")
    comparison = machine.compared(pin("scipy", "1.15.3", "scipy"))
    with pytest.warns(RequirementsWarning, match=r"scipy 1\.15\.3: may differ, 1\.15\.2 is here") as warned:
        warn_unmeasured(comparison, "check", "sha256:1", "nobody can", stacklevel=2)
    assert "not measured: nobody can" in str(warned[0].message)
    assert warned[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        admit(comparison, "check", "sha256:1")
        warn_unmeasured(comparison, "check", "sha256:1", "nobody can", stacklevel=2)
        warn_unmeasured(comparison, "ignore", "sha256:2", "nobody can", stacklevel=2)
    with pytest.warns(RequirementsWarning):
        warn_unmeasured(comparison, "check", "sha256:2", "nobody can", stacklevel=2)


def test_says_why_a_self_test_cannot_decide(machine: Machine) -> None:
    test = SelfTest(
        inputs="i", outputs="o", origin="made", deterministic=True, absolute_tolerance=1e-5, relative_tolerance=1e-5
    )
    plain = dataclasses.replace(manifest(*FRAMEWORK), self_test=test)
    random = dataclasses.replace(plain, self_test=dataclasses.replace(test, deterministic=False))
    huge = dataclasses.replace(plain.payload, parameters=Parameters(trainable=1 << 28, non_trainable=1))
    assert compare(plain, plain.payload).unmeasured is None
    assert "no self-test" in str(compare(manifest(), plain.payload).unmeasured)
    assert "random" in str(compare(random, plain.payload).unmeasured)
    assert "self_test=True" in str(compare(plain, huge).unmeasured)


def test_a_check_says_what_decides(machine: Machine) -> None:
    for name, version, top in (("keras", "3.16.0", "keras"), ("tensorflow-cpu", "2.21.0", "tensorflow")):
        machine.has(name, version, top)
    for unmeasured, decides, said in (
        (None, True, "if its self-test comes out the same"),
        ("x", False, "with a warning"),
    ):
        comparison = dataclasses.replace(machine.compared(*FRAMEWORK), unmeasured=unmeasured)
        assert as_json(comparison)["self_test_decides"] is decides
        assert f"loads here, {said}: 1 of" in as_text("m", comparison, "check", everything=False)


def test_strict_wants_the_locked_versions_and_takes_another_variant(machine: Machine) -> None:
    machine.has("keras", "3.15.1")
    machine.has("tensorflow", "2.21.0")
    admit(machine.compared(*FRAMEWORK), "strict", "sha256:1")
    machine.has("scipy", "1.15.2")
    with pytest.raises(RequirementsNotMet, match="does not have the locked versions"):
        admit(machine.compared(*FRAMEWORK, pin("scipy", "1.15.3", "scipy")), "strict", "sha256:1")


def test_ignore_says_so_in_the_log(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bundler")
    admit(machine.compared(pin("scipy", "1.0", "scipy")), "ignore", "sha256:1")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "requirements ignored for sha256:1: scipy 1.0: missing" in record.getMessage()


def test_refuses_a_word_that_means_nothing() -> None:
    with pytest.raises(BundleError, match="expected 'check' or 'strict' or 'ignore'"):
        check_mode("lax")
