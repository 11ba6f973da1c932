"""`kbundle audit`: the verdict is the exit code, and every form says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.audit.bundles import DENSE, keras_file, model, node, write
from tests.cli.conftest import Run

READS = """import keras


class Words(keras.layers.Layer):
    def build(self, shape):
        open('words.txt').read()
"""


@pytest.fixture
def reads(tmp_path: Path) -> Path:
    return write(tmp_path / "reads.kbundle", code={"words": READS})


def test_an_ordinary_bundle_is_accepted(tmp_path: Path, kbundle: Run) -> None:
    done = kbundle("audit", write(tmp_path / "plain.kbundle", code={"zoo": "import keras\n"}))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "accepted" in done.stdout.splitlines()[0]
    assert "Not checked" in done.stdout


def test_what_is_stopped_at_its_use_loads_and_is_shown_with_its_line(reads: Path, kbundle: Run) -> None:
    done = kbundle("audit", reads)
    assert done.returncode == 0
    assert "accepted: loads; stops where it would read or write files" in done.stdout.splitlines()[0]
    assert "code/words.py:6" in done.stdout


def test_strict_asks_for_consent_with_the_line_and_the_words_that_give_it(reads: Path, kbundle: Run) -> None:
    done = kbundle("audit", reads, "--strict")
    assert done.returncode == 1
    assert "needs consent: refused unless allow=['filesystem']" in done.stdout.splitlines()[0]
    assert "code/words.py:6" in done.stdout
    assert "open('words.txt').read()" in done.stdout
    assert "allow=['filesystem']" in done.stdout


def test_consent_by_word_and_by_digest(reads: Path, kbundle: Run) -> None:
    assert kbundle("audit", reads, "--strict", "--allow", "filesystem").returncode == 0
    assert kbundle("audit", reads, "--strict", "--allow", "network").returncode == 1
    digest = json.loads(kbundle("audit", reads, "--json").stdout)["digest"]
    assert kbundle("audit", reads, "--strict", "--digest", digest).returncode == 0
    wrong = kbundle("audit", reads, "--digest", "sha256:" + "0" * 64)
    assert wrong.returncode == 1
    assert "digest" in wrong.stderr


def test_a_crafted_bundle_is_refused_whatever_is_accepted(tmp_path: Path, kbundle: Run) -> None:
    layer = node("keras.layers", "TorchModuleWrapper", {"module": "gASV"})
    path = write(tmp_path / "bad.kbundle", keras_file(model(DENSE, layer)))
    done = kbundle("audit", path, "--json")
    facts = json.loads(done.stdout)
    assert (done.returncode, facts["verdict"]) == (1, "refused")
    assert kbundle("audit", path, "--digest", facts["digest"]).returncode == 1


def test_a_policy_decides(reads: Path, tmp_path: Path, kbundle: Run) -> None:
    policy = tmp_path / "corp.toml"
    policy.write_text('gate = "strict"\n')
    assert kbundle("audit", reads, "--policy", policy).returncode == 1
    policy.write_text('gate = "strict"\nallow = ["filesystem"]\n')
    assert kbundle("audit", reads, "--policy", policy).returncode == 0
    policy.write_text('deny = ["filesystem"]\n')
    assert "which the policy denies" in kbundle("audit", reads, "--policy", policy).stdout.splitlines()[0]
    policy.write_text('gate = "strict"\ndeny = ["filesystem"]\n')
    assert "refused" in kbundle("audit", reads, "--policy", policy, "--allow", "filesystem").stdout.splitlines()[0]
    policy.write_text('refuse = ["no.such-rule"]\n')
    done = kbundle("audit", reads, "--policy", policy)
    assert done.returncode == 1
    assert "no.such-rule" in done.stderr


def test_writes_a_page_and_sarif_and_keeps_what_is_there(reads: Path, tmp_path: Path, kbundle: Run) -> None:
    page, log = tmp_path / "page.html", tmp_path / "log.sarif"
    assert kbundle("audit", reads, "--html", page, "--sarif", log).returncode == 0
    assert "<!doctype html>" in page.read_text().lower()
    assert json.loads(log.read_text())["version"] == "2.1.0"
    page.write_text("mine")
    again = kbundle("audit", reads, "--html", page)
    assert "--overwrite" in again.stderr
    assert page.read_text() == "mine"
    assert kbundle("audit", reads, "--html", page, "--overwrite").returncode == 0
    assert page.read_text() != "mine"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--allow", "everything"], "everything"), (["--osv", "nowhere"], "nowhere"), (["--policy", "none.toml"], "none")],
)
def test_refuses_arguments_that_mean_nothing(reads: Path, kbundle: Run, arguments: list[str], said: str) -> None:
    done = kbundle("audit", reads, *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "next step" in done.stderr
    assert "Traceback" not in done.stderr


def test_what_is_no_bundle_is_told_apart(tmp_path: Path, kbundle: Run) -> None:
    path = tmp_path / "x.kbundle"
    path.write_bytes(b"no bundle")
    assert kbundle("audit", path).returncode == 3
