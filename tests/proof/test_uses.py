"""What the proof tells of the powers that the code used: by stage, without this machine, with a way around it."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bundler.errors import ConsentRequired, InvalidBundle
from bundler.keras_io.failures import asked_words
from bundler.manifest import RecordedUse, RecordedUses
from bundler.namespace.guard import Record
from bundler.namespace.guard import Use as Seen
from bundler.proof import advice, client
from bundler.proof.request import Failure, Passed
from bundler.prover import observed

CODE = b"""import os
HOME = os.environ["HOME"]


@keep(os.environ["DECORATOR"])
def read(path=os.environ["DEFAULT"]):
    return open(path).read()


class Kept:
    name = os.environ["CLASS"]
    later = lambda: (
        os.environ["LAMBDA"])
"""
TEXTS = {"pkg.words": ("code/pkg/words.py", CODE)}


def use(line: int | None = 2, capability: str = "environment", **facts: Any) -> RecordedUse:
    return RecordedUse(**{"capability": capability, "what": "reads HOME", "module": "pkg.words", "line": line, **facts})


def seen(what: str = "reads HOME", line: int = 2) -> Seen:
    return Seen(capability="environment", what=what, module="pkg.words", line=line)


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Give a bundle that is loaded, whose record a test writes."""
    tree = SimpleNamespace(
        prefix="_kbundle_0123", directory=tmp_path / "scratch" / "tree", guard=SimpleNamespace(record=Record())
    )
    monkeypatch.setattr(observed, "loaded_namespaces", lambda: (tree, SimpleNamespace(guard=None)))
    return tree


@pytest.mark.parametrize(("line", "imported"), [(2, True), (5, True), (6, True), (7, False), (11, True), (13, False)])
def test_the_author_is_told_to_move_only_what_runs_when_imported(line: int, imported: bool) -> None:
    (told,) = advice.needed([use(line)], "load", TEXTS)
    assert told.startswith(f"pkg/words.py:{line} reads HOME when ")
    assert ("when imported; move it into the function" in told) is imported
    assert told.endswith("or consumers pass allow=['environment']")


def test_lines_for_the_author_say_when_and_what_else_to_do() -> None:
    (train,) = advice.needed([use(7, "filesystem", what="opens 'a'")], "train", TEXTS)
    assert train.startswith("pkg/words.py:7 opens 'a' when the model is trained; pack the file")
    (elsewhere,) = advice.needed([use(None, "network", what="connects", module="")], "outputs", TEXTS)
    assert elsewhere.startswith("code that the bundle handed on connects when the model is called; leave that")
    (swallowed,) = advice.done_without([use(7)], TEXTS)
    assert swallowed == "pkg/words.py:7 reads HOME: that is refused (environment), the code goes on without it"


def test_a_use_counts_for_the_stage_that_saw_it_first(tree: Any, tmp_path: Path) -> None:
    tree.guard.record.add(seen("before"), refused=False)
    watch = observed.Observed(tmp_path / "scratch")
    tree.guard.record.add(seen(), refused=False)
    tree.guard.record.add(seen(line=3), refused=True)
    assert [item.line for item in watch.take("load")] == [3]
    tree.guard.record.add(seen(line=4), refused=False)
    assert watch.take("outputs") == ()
    # Loaded again from another bundle, which has the same code and a record of its own.
    tree.prefix, tree.guard.record = "_kbundle_4567", Record()
    tree.guard.record.add(seen(), refused=False)
    watch.take("save_and_load")
    assert watch.uses() == RecordedUses(load=(use(2),), outputs=(use(4),))
    assert watch.refused == (use(3),)


def test_what_is_told_is_the_same_on_every_machine(tree: Any, tmp_path: Path) -> None:
    scratch, home = tmp_path / "scratch", os.path.expanduser("~")
    watch = observed.Observed(scratch)
    for what, _ in (
        cases := [
            (f"opens '{tree.directory}/pkg/a.txt'", "opens '<bundle>/pkg/a.txt'"),
            (f"opens '{scratch}/tmp/tmpx1y2/a' for writing", "opens '<temporary>' for writing"),
            (f"lists {os.path.realpath(sys.prefix)}/lib", "lists <python>/lib"),
            (f"reads {home}/.netrc", "reads ~/.netrc"),
            (f"reads {home}-not", f"reads {home}-not"),
            ("calls _kbundle_0123.pkg.f at 0x7f0011223344", "calls pkg.f at 0x..."),
            ("x" * 1_000, "x" * 400),
        ]
    ):
        tree.guard.record.add(seen(what), refused=False)
    watch.take("load")
    assert [item.what for item in watch.uses().load] == [told for _, told in cases]


def test_answers_are_read_as_they_were_sent_and_not_believed() -> None:
    failure = Failure(stage="load", message="m", words=("network",), refused=(use(), use(None, module="")))
    assert Failure.parse(json.loads(json.dumps(failure.value()))) == failure
    passed = Passed(
        checks=("load",),
        python="3.11",
        keras_version="1",
        tensorflow_version="2",
        uses=RecordedUses(train=(use(),)),
        refused=(use(3),),
        untrained="why",
    )
    value = json.loads(json.dumps(passed.value()))
    assert Passed.parse(value) == passed
    for wrong in ([], {"load": [{"capability": "x" * 1_000, "what": "", "module": ""}]}, {"load": "all"}):
        with pytest.raises(InvalidBundle):
            Passed.parse({**value, "uses": wrong})


def test_a_line_that_was_seen_counts_as_seen_whatever_it_did_this_time() -> None:
    written = RecordedUses(load=(use(2),))
    found = RecordedUses(load=(use(3),), save_and_load=(use(2, what="reads something else"), use(4)))
    assert client._merged(written, found) == RecordedUses(load=(use(2), use(3)), save_and_load=(use(4),))
    assert client._merged(client._merged(written, found), found) == client._merged(written, found)


def test_the_words_of_a_refusal_are_found_under_what_was_raised_for_it() -> None:
    def raised(*, hidden: bool) -> Exception:
        try:
            try:
                raise ConsentRequired(["network"], ["network: why"], allow=[])
            except ConsentRequired as error:
                if hidden:
                    raise RuntimeError("wrapped") from None
                raise RuntimeError("wrapped") from error
        except RuntimeError as error:
            return error

    assert asked_words(raised(hidden=True)) == asked_words(raised(hidden=False)) == ("network",)
    assert asked_words(ValueError("other")) == ()
    loop = ValueError("loop")
    loop.__context__ = RuntimeError()
    loop.__context__.__context__ = loop
    assert asked_words(loop) == ()
