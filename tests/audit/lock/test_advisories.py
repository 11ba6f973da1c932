"""Which versions a published hole is in, branches and pre-releases among them."""

from __future__ import annotations

import pytest
from packaging.version import Version

from bundler.audit.lock.advisories import ADVISORIES, advisories_for, family
from bundler.audit.lock.lock_findings import lock_findings
from tests.audit.lock.locks import manifest, pin


def ids(kind: str, version: str) -> set[str]:
    return {advisory.id for advisory in advisories_for(kind, version)}


@pytest.mark.parametrize(
    ("id_", "has", "has_not"),
    [
        ("CVE-2024-3660", ["2.12.0", "2.13.0rc0"], ["2.13.1", "3.10.0"]),
        ("CVE-2025-1550", ["3.8.0", "3.9.0.dev2025030403"], ["2.15.0", "3.9.0", "3.9.0+local"]),
        ("CVE-2025-9905", ["3.10.0", "3.11.2", "3.11.2+local"], ["3.11.3", "3.12.0"]),
        ("CVE-2025-49655", ["3.11.0", "3.11.2"], ["3.10.0", "3.11.3"]),
        (
            "CVE-2026-0897",
            ["3.12.0", "3.13.0", "3.13.1", "3.13.0rc1", "3.13.2rc1"],
            ["3.12.1", "3.12.4", "3.13.2", "3.14.0"],
        ),
        ("CVE-2026-1669", ["3.12.0", "3.13.1"], ["3.12.1", "3.13.2"]),
        ("CVE-2026-12480", ["3.12.2", "3.13.2", "3.14.1", "3.15.0rc0"], ["3.12.3", "3.12.4", "3.15.0"]),
        ("CVE-2026-12570", ["3.12.4", "3.14.1"], ["3.15.0"]),
        ("CVE-2026-11816", ["3.13.2", "3.14.0.dev2026010104"], ["3.14.0"]),
        ("keras-team/keras#23168", ["3.15.0"], ["3.15.1"]),
        ("keras-team/keras#23654", ["3.15.1", "3.16.0.dev2026102704"], ["2.15.0"]),
    ],
)
def test_a_hole_of_keras_is_in_these_versions(id_: str, has: list[str], has_not: list[str]) -> None:
    assert all(id_ in ids("keras", version) for version in has)
    assert not any(id_ in ids("keras", version) for version in has_not)


def test_a_hole_of_tensorflow_is_in_every_build_of_it() -> None:
    for name, version in [("tensorflow-cpu", "2.20.0"), ("tf-nightly", "2.21.0.dev20260202"), ("tensorflow", "2.19.1")]:
        found, _ = lock_findings(manifest(pin(name, version), hashes="none"), None, None)
        assert any(item.rule.id == "lock.advisory" and "CVE-2026-2492" in item.what for item in found), name
    found, _ = lock_findings(manifest(pin("tensorflow", "2.21.0"), hashes="none"), None, None)
    assert not any(item.rule.id == "lock.advisory" for item in found)


def test_a_vendor_s_build_is_known_by_what_is_imported_from_it() -> None:
    build = pin("acme-tf", "2.18.0+acme.1", imports=("tensorflow",))
    found, _ = lock_findings(manifest(build, hashes="none"), None, None)
    assert any("acme-tf 2.18.0+acme.1: CVE-2026-2492" in item.what for item in found)


def test_a_transitive_pin_counts_as_well() -> None:
    made = manifest(hashes="none", transitive=(pin("tf-keras", "2.21.0"),))
    found, _ = lock_findings(made, None, None)
    assert any("tf-keras#910" in item.what for item in found)


def test_says_where_the_hole_is_closed_and_from_which_version_on_it_is_fixed() -> None:
    found, _ = lock_findings(manifest(pin("keras", "3.13.0"), hashes="none"), None, None)
    (line,) = [item for item in found if "CVE-2026-1669" in item.what]
    assert line.rule.id == "lock.advisory-closed"
    assert "fixed in 3.12.1 and 3.13.2; closed by the audit of the weights" in line.what
    (line,) = [item for item in found if "CVE-2026-12482" in item.what]
    assert line.rule.id == "lock.advisory"


def test_families() -> None:
    assert family("keras-nightly") == "keras"
    assert family("tensorflow-intel") == "tensorflow"
    assert family("tf-keras") == "tf-keras"
    assert family("rich") is None


def test_the_table_is_well_formed() -> None:
    assert len({advisory.id for advisory in ADVISORIES}) == len(ADVISORIES) >= 22
    for advisory in ADVISORIES:
        assert advisory.ranges
        for start, end in advisory.ranges:
            assert start is None or end is None or Version(start) < Version(end)
