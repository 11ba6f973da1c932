"""Every row of `docs/object-kinds.md` happens as the page says."""

from __future__ import annotations

import json
import textwrap

import pytest

from tests.models.conftest import Workshop
from tests.models.object_kinds import PAGE, ROWS, Row, page

_PACK = """
OPTIONS = dict({options})
import json
facts = {{"weights": len(model.weights), "compiled": bool(model.compiled)}}
np.savez("../hand_over/y.npz", *[np.asarray(y) for y in keras.tree.flatten(model.predict(x, verbose=0))])
inputs = [np.asarray(part) for part in keras.tree.flatten(x)]
np.savez("../hand_over/x.npz", *[a.astype("S") if a.dtype == object else a for a in inputs])
# What needs an adaptation is found by the proof; the others are as good without.
packed = bundler.bundle(model, "../hand_over/m.kbundle", prove={prove}, **OPTIONS)
manifest = packed.manifest
facts |= {{
    "adaptations": sorted({{item.kind for item in manifest.adaptations}}),
    "extracted": any(module.generated for module in manifest.modules),
    "fidelity": manifest.payload.fidelity,
}}
json.dump(facts, open("../hand_over/facts.json", "w"))
"""
_LOAD = """
import json
allow = audit_bundle("../hand_over/m.kbundle").asked
model = unbundle("../hand_over/m.kbundle", allow=allow)
assert isinstance(model, keras.Model)
arrays = lambda name: [v for _, v in sorted(np.load(name).items(), key=lambda item: int(item[0][4:]))]
inputs = arrays("../hand_over/x.npz")
import tensorflow as tf
inputs = [tf.constant(a) if a.dtype.kind == "S" else a for a in inputs]
outputs = keras.tree.flatten(model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0))
for expected, found in zip(arrays("../hand_over/y.npz"), outputs, strict=True):
    assert np.abs(expected - found).max() <= 1e-6, (expected, found)
facts = json.load(open("../hand_over/facts.json"))
if facts["fidelity"] == "full":
    assert len(model.weights) == facts["weights"] and model.compiled == facts["compiled"]
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.slug)
def test_row(row: Row, workshop: Workshop) -> None:
    workshop.write(dict(row.files))
    pack = _PACK.format(options=row.options, prove=bool(row.adaptations))
    script = "import quick_proof\n" + textwrap.dedent(row.script) + pack
    if not row.works:
        output = workshop.author(script, check=False).output
        assert "SourceError" in output or "PackError" in output, output
        assert row.remedy in output
        assert "next step" in output
        assert not (workshop.hand_over / "m.kbundle").exists()
        return
    workshop.author(script)
    workshop.consumer(_LOAD)
    facts = json.loads((workshop.hand_over / "facts.json").read_text())
    assert facts["fidelity"] == row.fidelity
    assert set(facts["adaptations"]) == row.adaptations
    assert facts["extracted"] == row.extracted


def test_page_is_what_the_command_prints() -> None:
    assert PAGE.read_text() == page(), "python -m tests.models.object_kinds > docs/object-kinds.md"
