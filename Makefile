# Everything the book needs, from an empty directory: Python 3.10-3.13, make and a package index.
PYTHON ?= python3
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)
NOTEBOOKS := $(wildcard book/*.ipynb chapters/*/*.ipynb)
JOBS ?= 2

# One thread: results are then equal to the last digit. Parallel tests are separate processes.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1

.DEFAULT_GOAL := help
.PHONY: help book slides pdf lab test execute results bench lint format lock address clean

help: ## list what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# ---------------------------------------------------------------------------------------- to read
book: $(VENV)/installed ## build the HTML book into _build/html (then open _build/html/index.html)
	$(BIN)/jupyter-book build . --path-output . -W -n --keep-going
	$(BIN)/python tools/slides.py

slides: $(VENV)/installed ## build the slide decks into _build/html/slides
	$(BIN)/python tools/slides.py

pdf: book ## print the book to _build/html/attention-in-deep-learning.pdf (needs Chromium)
	$(BIN)/python tools/pdf.py

lab: $(VENV)/installed ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab chapters

# ---------------------------------------------------------------------------------------- to check
test: $(VENV)/oracles ## run every test, and every notebook against its committed outputs
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope tests
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --nbval --nbval-current-env \
	    --nbval-sanitize-with tests/nbval.cfg $(NOTEBOOKS)

lint: $(VENV)/installed ## check style: Python and notebooks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/installed ## put Python and notebooks in style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/oracles ## measure speed against PyTorch and d2l, as ratios in one run
	$(BIN)/python -m benchmarks.attention; attention=$$?; $(BIN)/python -m benchmarks.memory_networks && exit $$attention

# ---------------------------------------------------------------------------------------- to write
execute: $(VENV)/installed ## run all notebooks again and keep their outputs (no diff if nothing changed)
	$(BIN)/python tools/execute.py

# NAME counts only where it is given to make: some systems have a variable of that name.
results: $(VENV)/installed ## measure all systems at the papers' scale into results/, or one: make results NAME=memory_networks
	$(BIN)/python tools/measure.py $(if $(filter command,$(origin NAME)),$(NAME))

lock: ## resolve pyproject.toml anew into requirements.lock, for all Pythons at once (needs uv)
	@test -n "$(UV)" || { echo "make lock needs uv: $(PYTHON) -m pip install uv"; exit 1; }
	uv lock --upgrade
	uv export --frozen --quiet --no-emit-project --no-hashes --no-annotate --no-header > requirements.lock
	rm uv.lock

address: $(VENV)/installed ## write the repository's public address everywhere: make address REPOSITORY=owner/name
	$(BIN)/python tools/address.py "$(REPOSITORY)"

clean: ## remove what was built and installed; with RUNS=1 also the runs that make results has kept in .runs
	rm -rf _build $(VENV) $(if $(filter 1,$(RUNS)),.runs)

# ------------------------------------------------------------------------------------- to install
# MXNet's and d2l's own pins cannot be resolved on a current Python, hence --no-deps from a lock.
$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13) and "Python 3.10 to 3.13 is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv $(VENV)
ifdef UV
	uv pip install --quiet --python $(BIN)/python --no-deps -r requirements.lock
else
	$(BIN)/python -m pip install --quiet --no-deps -r requirements.lock
endif
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	$(BIN)/python -c 'import matplotlib.font_manager' # the font cache, whose building else shows in a notebook
	touch $@

# PyTorch, with which tests and benchmarks compare; the book itself never imports it. Its CPU build where it can be had.
$(VENV)/oracles: $(VENV)/installed requirements-oracles.txt
	{ test -n "$(UV)" && uv pip install --quiet --python $(BIN)/python --torch-backend cpu -r requirements-oracles.txt; } \
	    || $(BIN)/python -m pip install --quiet -c requirements.lock -r requirements-oracles.txt
	touch $@
