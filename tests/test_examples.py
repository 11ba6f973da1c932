"""Every example runs as its own text says, and plain Keras fails as its comment says."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bundler import bundle, unbundle
from tests.zygote import Zygote

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(path.parent for path in ROOT.glob("examples/*/train.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_example_trains_packs_and_loads_elsewhere(example: Path, tmp_path: Path, zygote: Zygote) -> None:
    author, consumer = tmp_path / "author", tmp_path / "consumer"
    shutil.copytree(example, author)
    consumer.mkdir()
    train = (author / "train.py").read_text()
    saving = train.replace("packed = bundle(", "model.save('plain.keras'); packed = bundle(")
    assert saving != train
    zygote.run(saving, author, path=(author,))
    for left in [*author.glob("*.kbundle"), *author.glob("*.npz"), author / "plain.keras"]:
        shutil.move(left, consumer)
    output = zygote.run((example / "use.py").read_text(), consumer).output
    assert "largest difference to the predictions before packing: 0" in output

    plain = zygote.run("import keras; keras.saving.load_model('plain.keras')", consumer, check=False)
    assert plain.code != 0
    said = re.search(r"fails with\n +(.*)\n +(.*)\n", train)
    assert said
    assert f"{said[1]} {said[2]}" in " ".join(plain.output.split())


def test_readme_names_arguments_that_exist() -> None:
    known = {"bundle": inspect.signature(bundle).parameters, "unbundle": inspect.signature(unbundle).parameters}
    text = (ROOT / "README.md").read_text()
    calls = re.findall(r"\b(bundle|unbundle)\((.*?)\)(?=[\s`|,;.])", text)
    named = [(name, argument) for name, inner in calls for argument in re.findall(r"(\w+)=", inner)]
    assert len(named) >= 6
    assert [item for item in named if item[1] not in known[item[0]]] == []


def test_readme_example_runs(tmp_path: Path, zygote: Zygote) -> None:
    text = (ROOT / "README.md").read_text()
    blocks = dict(re.findall(r"`(\w+\.py)`[^\n]*\n\n```python\n(.*?)```", text, re.DOTALL))
    assert set(blocks) == {"gain.py", "train.py", "use.py"}
    author, consumer = tmp_path / "author", tmp_path / "consumer"
    author.mkdir()
    (author / "gain.py").write_text(blocks["gain.py"])
    zygote.run(blocks["train.py"], author, path=(author,))
    consumer.mkdir()
    shutil.move(author / "model.kbundle", consumer)
    zygote.run(blocks["use.py"], consumer)
    inspected = subprocess.run(
        ["unzip", "-p", "model.kbundle", "code/gain.py"], cwd=consumer, capture_output=True, check=True
    )
    assert inspected.stdout.decode() == blocks["gain.py"]


def test_index_leads_to_every_document() -> None:
    folder = ROOT / "docs"
    links = re.findall(r"\]\(([^)]+)\)", (folder / "index.md").read_text())
    reached = {(folder / link).resolve() for link in links}
    assert [str(path) for path in reached if not path.exists()] == []
    assert {*folder.rglob("*.md"), *ROOT.glob("schema/*.md")} - reached == {folder / "index.md"}
