# Each target does all its own set-up: a virtual environment with the pinned versions of constraints.txt.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: demo test test-slow lint bench-fit bench-train bench-read bench-store bench-report clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 14) else "scalelaw needs Python 3.11 to 3.13: make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	-$(BIN)/python -m reports.plotly_bundle
	touch $@

demo: $(READY)  ## fit the shipped runs, plan ten times the largest, write the report, train three small runs
	$(BIN)/scalelaw fit data/markov/runs.csv --save out/law.json
	$(BIN)/scalelaw plan out/law.json --times 10
	$(BIN)/scalelaw report out/law.json --times 10 --out out/report.html
	$(BIN)/scalelaw sweep run data/demo_sweep.toml --store out/runs --workers 2 --table out/demo.csv

test: lint  ## lint, types, floors, doctests and tests
	$(BIN)/python -m pytest

test-slow: $(READY)  ## statistical suites of minutes
	$(BIN)/python -m pytest -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench-fit: $(READY)  ## speed as ratios against named baselines
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_fit

bench-train: $(READY)  ## speed of training beside a plain loop, of stacks beside separate runs
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_train

bench-read: $(READY)  ## reading tables and logs, beside csv, json and pandas
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_read

bench-store: $(READY)  ## opening and filtering a store of 100,000 runs
	$(BIN)/python -m tests.benchmarks.bench_store

bench-report: $(READY)  ## reports of 100,000 runs
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.benchmarks.bench_report

clean:
	rm -rf $(VENV) out
