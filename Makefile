# `make demo` and `make test` set up what they need; the rest expects the same environment.
VENV := .venv
PYTHON := $(VENV)/bin/python

.PHONY: demo test check lint generate bench site release constraints setup

demo: setup
	$(VENV)/bin/kosmo integrations:lua lua_docs/workflows/trigger_and_watch.lua --simulate --force --arg branch=main

test: setup
	$(PYTHON) -m pytest -q -n 3 --dist worksteal

check: lint test

lint: setup
	$(PYTHON) scripts/build_manifest.py --check
	$(PYTHON) scripts/build_docs.py --check
	$(PYTHON) scripts/record_demo.py --check
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy

generate: setup
	$(PYTHON) scripts/build_manifest.py
	$(PYTHON) scripts/build_docs.py
	$(PYTHON) scripts/record_demo.py

bench: setup
	$(PYTHON) scripts/bench.py
	$(PYTHON) scripts/bench_masking.py
	$(PYTHON) scripts/bench_fleet.py

site: setup $(VENV)/.site
	$(PYTHON) scripts/build_site.py

release: setup $(VENV)/.release
	$(PYTHON) scripts/check_release.py

constraints:
	$(PYTHON) scripts/pin_constraints.py

setup: $(VENV)/.ready

$(VENV)/.ready: pyproject.toml tests/constraints.txt
	python3 -m venv $(VENV)
	$(PYTHON) -m pip install --quiet --constraint tests/constraints.txt --editable '.[dev]'
	touch $@

$(VENV)/.site $(VENV)/.release: $(VENV)/.%: $(VENV)/.ready
	$(PYTHON) -m pip install --quiet --constraint tests/constraints.txt --editable '.[$*]'
	touch $@
