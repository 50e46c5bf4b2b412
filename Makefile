# Everything one does with this repository. `make` alone tells what there is.
PYTHON  ?= python3
VENV    ?= .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.installed

# What `make test` leaves out; say MARKS='...' for another choice.
MARKS   ?= not slow and not services and not crash
WORKERS ?= 2
SEEDS   ?= 200
KILLS   ?= 0
RECORDS ?= 20000
CUTS    ?= ext4=60,xfs=30,ext4wb=15
LIES    ?= ext4=10,xfs=10
MINUTES ?= 2
SIZE    ?= small
CASES   ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check format generate bench bench-peers crash crash-gateway powerloss fuzz soak docs shape lock clean

help:  ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- setting up -----------------------------------------------------------------------------------

setup: $(STAMP)  ## Make .venv with the locked libraries and this package; needs only Python 3.11 or newer.

# The lock is complete, so pip resolves nothing (--no-deps); its own settings (mirrors, certificates) hold.
$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "Entrepôt needs Python 3.11 or newer; say make setup PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

# --- seeing it work -------------------------------------------------------------------------------

demo: $(STAMP)  ## Make ./demo, a small retailer, and ./demo-prices, a price corridor, and run both: tables, KPIs, rejects.
	rm -rf demo
	$(BIN)/entrepot new demo --example retail
	$(BIN)/entrepot run --project demo
	$(BIN)/entrepot status --project demo
	$(BIN)/entrepot rejects list --limit 5 --project demo
	rm -rf demo-prices
	$(BIN)/entrepot new demo-prices --example prices
	$(BIN)/entrepot run --project demo-prices
	$(BIN)/entrepot rejects list --limit 5 --project demo-prices
	$(BIN)/entrepot kpis --project demo-prices
	@echo
	@echo "Where to look next: cd demo, then entrepot query \"SELECT * FROM gold.kpi_total_sales LIMIT 10\"; docs/tour.md goes on from here."

# --- proving it -----------------------------------------------------------------------------------

test: $(STAMP)  ## Run the tests, in random order, without the slow ones.
	$(BIN)/python -m pytest -n $(WORKERS) -m "$(MARKS)"

check: $(STAMP)  ## Check style, types, room borders and that generated files are current.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/python scripts/features.py --check
	$(BIN)/python scripts/reference.py --check
	$(BIN)/python scripts/openapi.py --check

crash: $(STAMP)  ## Kill the real process SEEDS times (default 200) and compare every table with an undisturbed run.
	$(BIN)/python -m pytest -n $(WORKERS) -m crash -q
	$(BIN)/python scripts/crash.py --seeds $(SEEDS) --kills $(KILLS)

crash-gateway: $(STAMP)  ## Kill the running platform under a load of RECORDS (default 20000); nothing acknowledged is lost or doubled.
	$(BIN)/python scripts/crash_gateway.py --records $(RECORDS)

powerloss: $(STAMP)  ## Cut the power of real file systems CUTS times (root, loop devices), then show that missing fsyncs are found.
	$(BIN)/python scripts/powerloss.py --cuts $(CUTS)
	$(BIN)/python scripts/powerloss.py --cuts $(LIES) --lie fsync

fuzz: $(STAMP)  ## Mutate inputs of every reader for MINUTES (default 2); findings go to build/fuzz.
	$(BIN)/python scripts/fuzz.py --minutes $(MINUTES) --findings build/fuzz

soak: $(STAMP)  ## Run what takes long: the slow tests, then 1000 kills.
	$(BIN)/python -m pytest -n $(WORKERS) -m "slow"
	$(MAKE) crash SEEDS=1000

bench: $(STAMP)  ## Measure against the bare floor: [CASES=a,b] [SIZE=small|full].
	$(BIN)/python -m benchmarks --size $(SIZE) $(if $(CASES),--cases $(CASES))

bench-peers: $(STAMP)  ## Measure other tools in environments of their own, on the same data.
	$(BIN)/python -m benchmarks --size $(SIZE) --peers $(if $(CASES),--cases $(CASES))

# --- writing --------------------------------------------------------------------------------------

format: $(STAMP)  ## Put all Python files into the one layout.
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

generate: $(STAMP)  ## Write the generated pages: docs/features.md and docs/reference/.
	$(BIN)/python scripts/features.py
	$(BIN)/python scripts/reference.py
	$(BIN)/python scripts/openapi.py

docs: $(STAMP)  ## Build the documentation into site/; a warning is an error.
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

shape: $(STAMP)  ## Report the longest files and functions and the size of each room.
	$(BIN)/python scripts/shape.py

# --no-emit-index-url: where libraries come from is the reader's business, not the lock's.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --custom-compile-command "make lock"

lock: $(STAMP)  ## Write requirements/*.txt anew from pyproject.toml.
	$(LOCK) -o requirements/base.txt
	$(LOCK) --extra dev --extra docs --extra bench -o requirements/dev.txt
	$(LOCK) --extra docs -o requirements/docs.txt

clean:  ## Remove everything that was made here, .venv too.
	rm -rf $(VENV) demo demo-prices site build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
