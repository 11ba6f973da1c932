"""What `bundle` tries next when a model does not come back, without a framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bundler.errors import PackError, ProofFailed, SourceError
from bundler.manifest import Adaptation
from bundler.packing import attempts
from bundler.packing.options import PackOptions

GRAPH = object()


@dataclass(frozen=True, kw_only=True)
class FoundParts:
    """What of a `Found` the search for the next attempt looks at."""

    facts: Any
    closure: Any
    builder: Any = None
    renamed: Any = field(default_factory=dict)
    adaptations: Any = ()
    notes: Any = ()


class Attempts:
    """Stands for everything below `pack_until_proved`: `answers` are what each round finds, in order."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, answers: list[Any], *, graph: Any = GRAPH, whole: Any = None
    ) -> None:
        self.answers = answers
        #: What becomes of whole modules; `None`: the modules are not reduced at all.
        self.whole = whole
        self.graph = graph
        self.told: list[str] = []
        self.rounds = 0
        monkeypatch.setattr(attempts, "check_applies", lambda *_: None)
        monkeypatch.setattr(attempts, "from_input", self._from_input)
        monkeypatch.setattr(attempts.remedies, "remedies", self._remedies)
        # It asks Keras whether the model has a compile of its own.
        monkeypatch.setattr(attempts.adapted_model, "unkept_by_compile", lambda _: [])

    def run(self, scratch: Path, **options: Any) -> Any:
        return attempts.pack_until_proved(
            SimpleNamespace(), PackOptions(**options), scratch, self.told.append, self._write
        )

    def _from_input(self, model: Any, options: Any, folder: Path, step: Any, known: Any = ()) -> Any:
        assert folder.is_dir()
        if options.payload == "inference":
            answer = self.graph
        else:
            answer = self.answers[min(self.rounds, len(self.answers) - 1)]
            self.rounds += 1
        if isinstance(answer, Exception):
            raise answer
        fidelity = "inference" if answer is GRAPH else "full"
        reduced = self.whole is not None and "*" not in options.whole
        modules = (SimpleNamespace(whole=b"text" if reduced else None),)
        return FoundParts(facts=SimpleNamespace(fidelity=fidelity), closure=SimpleNamespace(modules=modules))

    def _remedies(self, *_: Any) -> tuple[Adaptation, ...]:
        return (Adaptation(kind=f"kind-{self.rounds}", module="m", qualname="C"),)

    def _write(self, found: Any) -> str:
        is_whole = found.closure.modules[0].whole is None
        if is_whole and isinstance(self.whole, str):
            return self.whole
        if is_whole and self.whole is not None:
            raise self.whole
        if found.facts.fidelity == "full":
            raise ProofFailed("it does not come back", stage="load", hint="look")
        return "the graph was written"


def test_a_later_round_that_cannot_be_packed_leads_to_the_fallback(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried = Attempts(monkeypatch, ["full", PackError("Keras cannot save it so")])
    assert tried.run(tmp_path, fallback="inference") == "the graph was written"


def test_a_later_round_that_cannot_be_packed_is_told_with_the_failure_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried = Attempts(monkeypatch, ["full", PackError("Keras cannot save it so")])
    with pytest.raises(SourceError) as caught:
        tried.run(tmp_path)
    assert caught.value.problems == ("it does not come back", "Keras cannot save it so")
    assert "builder=" not in str(caught.value)


@pytest.mark.parametrize("works", [True, False])
def test_offers_a_graph_only_where_it_was_tried_and_works(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, works: bool
) -> None:
    graph = GRAPH if works else PackError("it cannot be traced")
    for number, answer in enumerate((SourceError("no source", ["f has none"], hint="mend f"), "full")):
        tried = Attempts(monkeypatch, [answer], graph=graph)
        (tmp_path / str(number)).mkdir()
        with pytest.raises(PackError) as caught:
            tried.run(tmp_path / str(number))
        assert ('fallback="inference"), which was tried and works' in str(caught.value)) is works


def test_another_round_is_announced_only_if_it_follows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = Attempts(monkeypatch, ["full"])
    with pytest.raises(ProofFailed):
        tried.run(tmp_path)
    assert len([line for line in tried.told if line.startswith("trying again")]) == tried.rounds - 1


def test_whole_modules_are_tried_where_reduced_ones_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = Attempts(monkeypatch, ["full"], whole="it came back whole")
    assert tried.run(tmp_path) == "it came back whole"
    assert "trying again: with whole modules" in tried.told


def test_the_same_failure_with_whole_modules_ends_the_search(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    alone = Attempts(monkeypatch, ["full"])
    with pytest.raises(ProofFailed):
        alone.run(tmp_path)
    tried = Attempts(monkeypatch, ["full"], whole=ProofFailed("it does not come back", stage="load", hint="look"))
    (tmp_path / "second").mkdir()
    with pytest.raises(ProofFailed) as caught:
        tried.run(tmp_path / "second")
    assert tried.rounds == alone.rounds + 1
    assert caught.value.reduced


def test_both_causes_are_told_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried = Attempts(monkeypatch, [PackError("no lock can be saved")], graph=PackError("it cannot be traced"))
    with pytest.raises(SourceError) as caught:
        tried.run(tmp_path, fallback="inference")
    assert caught.value.problems == ("full: no lock can be saved", "graph: it cannot be traced")

    same = PackError("the model is not built")
    tried = Attempts(monkeypatch, [same], graph=PackError("the model is not built"))
    (tmp_path / "second").mkdir()
    with pytest.raises(PackError) as alone:
        tried.run(tmp_path / "second", fallback="inference")
    assert alone.value is same
