# On a fresh machine, `make demo` paints a picture, `make studio` opens a page to paint on, and `make test` runs the tests.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# TensorFlow is for one proof only, and has an environment of its own.
KERAS_VENV := .venv-keras

# Benchmarks paint their own pairs unless a table of others is given: make bench PAIRS=pairs.csv PICTURES=folder
BENCH ?= runs/$@
BENCH_OPTIONS = --out $(BENCH) $(if $(PAIRS),--list $(PAIRS)) $(if $(PICTURES),--pictures $(PICTURES)) $(if $(JUDGE),--judge $(JUDGE))

.PHONY: demo studio drawings test test-slow test-studio test-keras bench bench-full lint format clean

demo: $(VENV)/.demo  ## paint a photograph in the style of a sample painting
	$(BIN)/impasto demo

studio: $(VENV)/.studio  ## paint in the browser
	$(BIN)/impasto studio

drawings: $(VENV)/.dev  ## draw the four sample paintings anew
	$(BIN)/python -m drawings src/impasto/samples

test: $(VENV)/.dev  ## the test suite, in a few minutes, and the share of the package's lines that it runs
	$(BIN)/python -m pytest --numprocesses 2 --cov --cov-report=
	@echo "coverage: $$($(BIN)/coverage report --format=total) %"

test-slow: $(VENV)/.dev  ## the thorough versions of some tests, in some more minutes
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup -m slow

test-studio: $(VENV)/.dev  ## the studio's page in Chromium, and the types of its scripts
	@command -v chromium > /dev/null || { echo "make test-studio needs Chromium: apt-get install chromium"; exit 1; }
	@command -v npx > /dev/null || { echo "make test-studio needs npx for TypeScript: apt-get install npm"; exit 1; }
	npx --yes --package typescript@5.9.3 tsc --project tests/studio/page
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m pytest -m browser tests/studio/page

test-keras: $(KERAS_VENV)/.installed  ## the presets tutorial and tutorial-core against TensorFlow itself
	TF_CPP_MIN_LOG_LEVEL=3 $(KERAS_VENV)/bin/python -m pytest -o filterwarnings=default \
		-o python_files='test_*.py live.py' -m '' tests/keras

bench: $(VENV)/.dev  ## pictures, peers and time to the tutorial's loss, small: two pairs, under half an hour
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.quality small $(BENCH_OPTIONS)

bench-full: $(VENV)/.dev  ## the same at full size, for some hours; run it again and it goes on
	OMP_WAIT_POLICY=PASSIVE $(BIN)/python -m benchmarks.quality full $(BENCH_OPTIONS)

lint: $(VENV)/.dev  ## style, types, and which room imports which
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) $(KERAS_VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage* .hypothesis

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "impasto needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable .
	touch $@

$(VENV)/.studio: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[studio,faces]'
	touch $@ $(VENV)/.demo

$(VENV)/.dev: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) --editable '.[dev]'
	touch $@ $(VENV)/.demo $(VENV)/.studio

$(KERAS_VENV)/.installed: pyproject.toml constraints-keras.txt
	$(PYTHON) -m venv --clear $(KERAS_VENV)
	$(KERAS_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints-keras.txt \
		--editable '.[plot]' scikit-image tensorflow-cpu hypothesis pytest
	touch $@
