# The commands: `make demo` runs the main job end to end, `make test` runs every test, `make check` those that need neither
# the framework, an index nor a browser, and take little. `make fuzz` is not a test: it looks for inputs that break the
# reader, for ten minutes. `make refresh` and `make matrix` are for a new Keras, TensorFlow or Python: docs/maintaining.md.
# All make the virtual environment in .venv first; nothing else is needed but Python 3.11 or newer.


PYTHON ?= python3
FUZZ_SECONDS ?= 600
# Processes that run tests; each starts the framework once, and takes some 3 GiB.
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin

# Whole files, since some share an expensive fixture, in the order of tests/marks.py: the longest first.
XDIST := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test check coverage fuzz refresh matrix lint clean

# The venv is complete only when the stamp is written, so an interrupted install starts again. Nothing is compiled
# beforehand: most of it is never imported.
$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --no-compile --editable . --group dev
	touch $@

demo: $(VENV)/ready
	$(BIN)/python examples/demo.py

test: $(VENV)/ready
	tests/need_tools
	$(BIN)/python -m pytest $(XDIST) --durations=25

check: $(VENV)/ready
	$(BIN)/python -m pytest -q $(XDIST) -m "not framework and not slow and not network and not browser"

# COVERAGE=-m 'not framework' for the part that takes minutes.
coverage: $(VENV)/ready
	tests/need_tools
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -q $(XDIST) $(COVERAGE)
	$(BIN)/python -m coverage combine -q
	$(BIN)/python -m coverage report --skip-covered --sort=miss

fuzz: $(VENV)/ready
	$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

# make refresh KERAS=3.16.0 TENSORFLOW=2.22.0
refresh: $(VENV)/ready
	$(BIN)/python -m tools.refresh $(if $(KERAS),--keras $(KERAS)) $(if $(TENSORFLOW),--tensorflow $(TENSORFLOW))

# make matrix MATRIX="--pair 3.16/2.22 --python 3.13"
matrix: $(VENV)/ready
	$(BIN)/python -m tests.acceptance.matrix $(MATRIX)

lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .demo
