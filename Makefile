# Each target sets up the virtual environment it needs; a machine with Python 3.11 and make is enough.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
STANDARD := .venv
NEWEST := .venv-newest
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-standard test-newest lint bench mutants torture docs clean

demo: $(STANDARD)/installed
	$(STANDARD)/bin/python cli.py demo

test:
	@began=$$(date +%s) && $(MAKE) test-standard && between=$$(date +%s) && $(MAKE) test-newest && ended=$$(date +%s) \
		&& echo "standard environment: $$((between - began)) s, newest: $$((ended - between)) s, setting up included"

# TensorFlow 2.17.1 with tensorflow-io, the checkout installed editable: everything. One process a core (pytest-xdist).
test-standard: $(STANDARD)/installed lint
	$(STANDARD)/bin/python -m pytest

# The newest TensorFlow without tensorflow-io, a built wheel installed, the tests run far from the checkout: the laws
# and the journey from a corpus to sound.
test-newest: $(NEWEST)/installed
	elsewhere=$$(mktemp -d) && trap 'rm -rf "$$elsewhere"' EXIT && cp -r benchmarks tests examples docs pyproject.toml "$$elsewhere" \
		&& cd "$$elsewhere" && $(CURDIR)/$(NEWEST)/bin/python -m pytest -m "law or journey"

# Every benchmark, one after the other, on a machine that does nothing else: more than half an hour. Writes
# docs/performance.md.
bench: $(STANDARD)/installed
	$(STANDARD)/bin/python benchmarks/report.py

# The reliability tests with their full counts: hours; it goes on where it was stopped. Writes docs/reliability.md.
torture: $(STANDARD)/installed
	$(STANDARD)/bin/python -m pip install --quiet --editable ".[torture]"
	$(STANDARD)/bin/python tests/reliability.py

# Deliberate faults, and the tests that fail on every one of them: a quarter of an hour.
mutants: $(STANDARD)/installed
	$(STANDARD)/bin/python tests/mutants.py

lint: $(STANDARD)/installed
	$(STANDARD)/bin/ruff check .
	$(STANDARD)/bin/ruff format --check .

$(STANDARD)/installed: setup.py pyproject.toml
	$(PYTHON) -m venv --clear $(STANDARD)
	$(STANDARD)/bin/python -m pip install --quiet --editable ".[tfio,test]"
	touch $@

# The wheel holds the sources as they are now, so it is built and installed anew each time; its requirements stay.
.PHONY: $(NEWEST)/installed
$(NEWEST)/installed: $(NEWEST)/requirements
	rm -rf build dist
	$(NEWEST)/bin/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	$(NEWEST)/bin/python -m pip install --quiet --no-deps --force-reinstall dist/*.whl

$(NEWEST)/requirements: setup.py pyproject.toml
	$(PYTHON) -m venv --clear $(NEWEST)
	$(NEWEST)/bin/python -m pip install --quiet ".[test,jax]"
	touch $@

# The documentation site, to build/site; a warning is an error.
docs: $(STANDARD)/installed
	NO_MKDOCS_2_WARNING=1 $(STANDARD)/bin/mkdocs build --quiet --strict

clean:
	rm -rf $(STANDARD) $(NEWEST) build dist *.egg-info
