"""Cells of a real IPython kernel: what it keeps of them is what extracting reads."""

from __future__ import annotations

import json
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

_ROOT = Path(__file__).parents[3]
_CELLS = (
    "%%time\nimport math\nclass Timed:\n    def call(self, x):\n        return math.floor(x) * K\n",
    "%%capture out\nimport json\nclass Captured:\n    def call(self, x):\n        return json.dumps(x)\n",
    "import asyncio\nK = await asyncio.sleep(0, 5)\nclass Awaited:\n    def call(self):\n        return asyncio, K\n",
    "%run side.py\n",
    "class Runs:\n    def call(self, x):\n        return from_run(x)\n",
    "def make(k):\n    return lambda x: x * k\nmake(2)",
    "last = _\nscale, shift = lambda x: x * 2, lambda x: x + 2",
    "def listing():\n    !ls\n",
    "%%time\nclass Again:\n    def call(self, x):\n        return 1\n",
    "%%time\nclass Again:\n    def call(self, x):\n        return 2\n",
    """
import json
from bundler.sources.extract import extract
def show(*objects):
    found = extract(objects, taken=())
    return {"problems": found.problems, "texts": {module.name: module.text.decode() for module in found.modules}}
print(json.dumps({
    "timed": show(Timed), "captured": show(Captured), "awaited": show(Awaited), "runs": show(Runs),
    "last": show(last), "lambdas": show(scale, shift), "listing": show(listing), "again": show(Again)}))
""",
)


@pytest.mark.filterwarnings("ignore")
def test_cells_of_every_kind(tmp_path: Path) -> None:
    (tmp_path / "side.py").write_text("import math\nDEEP = 4\ndef from_run(x):\n    return math.floor(x) * DEEP\n")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in _CELLS])
    client = NotebookClient(
        notebook, timeout=60, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env={**os.environ, "PYTHONPATH": str(_ROOT), "IPYTHONDIR": str(tmp_path / "ipython")})
    found = json.loads(notebook.cells[-1].outputs[0]["text"])
    problems = {name: item["problems"] for name, item in found.items() if item["problems"]}
    assert list(problems) == ["listing"]
    assert problems["listing"][0].startswith("cell 8, line 2: the function listing uses 'get_ipython' of the notebook")
    [timed] = found["timed"]["texts"].values()
    assert timed.endswith(
        "import math\n\nK = 5\n\n\nclass Timed:\n    def call(self, x):\n        return math.floor(x) * K\n"
    )
    [captured] = found["captured"]["texts"].values()
    assert "import json\n\n\nclass Captured:" in captured
    [awaited] = found["awaited"]["texts"].values()
    assert "import asyncio\n\nK = 5\n" in awaited
    main, side = sorted(found["runs"]["texts"].values(), key=lambda text: "DEEP" in text)
    assert "from side import from_run\n" in main
    assert "DEEP = 4\n" in side
    assert "k = 2\n" in "".join(found["last"]["texts"].values())
    [lambdas] = found["lambdas"]["texts"].values()
    assert "return x * 2\n" in lambdas
    assert "return x + 2\n" in lambdas
    [again] = found["again"]["texts"].values()
    assert "return 2\n" in again
