# Every target sets up what it needs: Python 3.11 or newer, make and the package registry.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ARGS ?=
# What is imported is compiled once, and not by each of the processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile
.PHONY: help setup demo browser postgres bench coverage faults soak mutants test suite test-long lint app ui docs docs-test lock oldest newest dist clean

help:  ## Show what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## Virtual environment with pinned, hash-checked packages

# uv takes a ninth of pip's time; pip does where uv cannot, for want of its settings.
$(READY): requirements.txt requirements-uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; found $$($(PYTHON) --version). Set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-uv.txt && \
		$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r requirements.txt || \
		$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## The whole chain on a simulated market, then the app (ARGS=--no-serve: without it)
	$(BIN)/regime demo $(ARGS)

browser:  # Debian's Chromium for the browser tests, where it may be installed
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get update -qq && apt-get install -qq -y chromium >/dev/null; }; } || \
		echo "No chromium, and it may not be installed here: browser tests will be skipped."

postgres:  # Debian's PostgreSQL for the store's tests, where it may be installed
	@command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
		{ [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		{ apt-get update -qq && apt-get install -qq -y --no-install-recommends postgresql >/dev/null; }; } || \
		echo "No PostgreSQL, and it may not be installed here: its tests will be skipped."

test: setup browser postgres  ## Lint, types, import contracts and the reduced test suite
	@$(MAKE) --jobs=2 lint suite

suite: setup
	$(PYTEST) -m "not long" $(ARGS)

test-long: lint browser postgres  ## The full counts; their results are committed
	$(PYTEST) $(ARGS)

# The tracer too wants to write onto disks that tests fill, and takes its time: some then fail.
coverage: setup browser postgres  ## Branch coverage of regime/ by the reduced suite; below 90% is a failure
	$(BIN)/python -m coverage erase
	-$(BIN)/python -m coverage run -m pytest -n 3 --dist loadfile -m "not long" $(ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

bench: setup  ## Everything that has a goal of time, measured; 15 minutes (ARGS="-k em": a part)
	$(BIN)/python -m pytest tests/benchmarks -o python_files='bench_*.py' -W default -q \
		-p benchmark --benchmark-quiet --benchmark-storage=.pytest_cache/benchmarks $(ARGS)

faults: setup  ## Kills, full disks, broken files and the like, in full; the table of SECURITY.md
	$(BIN)/python -m pytest tests/faults -m long -n 2 --dist worksteal -q \
		-o junit_family=xunit1 --junitxml=.pytest_cache/faults.xml $(ARGS)
	$(BIN)/python tests/faults/table.py .pytest_cache/faults.xml

soak: setup browser  ## App and MLflow UI looked at while days are lived; 30 minutes (ARGS=5: minutes)
	$(BIN)/python tests/soak/soak.py $(ARGS)

mutants: setup  ## Small faults in the code that tests should notice; an hour (ARGS=scores: one module)
	$(BIN)/python tests/mutation/run.py $(ARGS)

lint: setup  ## ruff, mypy and import-linter
	$(BIN)/ruff check --quiet .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache >/dev/null || $(BIN)/lint-imports

app: setup  ## The app on 127.0.0.1, on what was stored last
	$(BIN)/regime app $(ARGS)

ui: setup  ## The MLflow UI on 127.0.0.1
	$(BIN)/regime ui $(ARGS)

docs: setup  ## The documentation as a site, in the folder site
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

docs-test: setup  ## Every block of README.md and docs, the notebook, examples, links, the site
	$(BIN)/python -m pytest tests/docs -n 2 --dist worksteal $(ARGS)

lock: setup  ## Compile requirements.txt again from pyproject.toml
	rm -f requirements.txt requirements-uv.txt
	echo uv | $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header - -o requirements-uv.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--extra dev pyproject.toml -o requirements.txt
	rm -f requirements-oldest.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--resolution lowest-direct --extra dev pyproject.toml -o requirements-oldest.txt

# What must hold on whatever versions are allowed, where neither browser nor server is asked for.
CORE := tests/contracts tests/models tests/features tests/labels tests/evaluation tests/golden \
	tests/tracking tests/data tests/app tests/config tests/training/test_cli.py

# That old packages warn of newer ones is no fault of this one.
oldest: setup  ## The oldest versions pyproject.toml allows, in .venv-oldest, and tests on them
	$(PYTHON) -m venv --clear .venv-oldest
	$(BIN)/uv pip install --quiet --python .venv-oldest/bin/python --require-hashes -r requirements-oldest.txt
	$(BIN)/uv pip install --quiet --python .venv-oldest/bin/python --no-deps --no-build-isolation --editable .
	.venv-oldest/bin/python -m pytest -W default -n 2 --dist loadfile -m "not long" $(CORE) $(ARGS)

newest: setup  ## The newest versions it allows as of now, in .venv-newest, and tests on them
	$(PYTHON) -m venv --clear .venv-newest
	$(BIN)/uv pip install --quiet --python .venv-newest/bin/python --editable '.[dev]'
	.venv-newest/bin/python -m pytest -n 2 --dist loadfile -m "not long" $(CORE) $(ARGS)

dist: setup  ## Wheel and sdist, in dist
	$(BIN)/python -m build --no-isolation

clean:  ## Remove the environment and every cache; state in .regime stays
	rm -rf $(VENV) .venv-oldest .venv-newest build dist site .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
