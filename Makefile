# make report   set up what a report needs and make the report of examples/title_i
# make test     set up everything and run all that guards the project
# make bench    measure every cost beside its bar and its peers; writes the table of the README
# make docs     build the documentation in dist/docs, warnings are errors
# make certify  count false certificates over 1,000 nulls; writes docs/reference/certificates.md
# make soak     the long versions of what guards against time, size and chance (an hour)
# make papers   measure what papers report again, all of it; writes dpaudit-papers/
# make lint     ruff, mypy and the import contracts;  make fix  mends what ruff can
# Set PYTHON to choose another Python (3.11 to 3.13), NO_SYSTEM=1 to install no system library.

PYTHON ?= python3
VENV := .venv
WHEEL_VENV := .venv-wheel
CORE := $(VENV)/.core
EVERYTHING := $(VENV)/.everything
SOURCES := pyproject.toml constraints.txt
REPORT := $(CURDIR)/dpaudit-report .bench
EXAMPLE := examples/title_i/audit.toml
RUN := $(VENV)/bin
# For axe-core, the script that it brings; what it would drive a browser with is not needed.
AXE := axe-playwright-python==0.1.8
TESTS := $(RUN)/python -m pytest
# One BLAS thread for each test process: more of them only wait for one another.
export OMP_NUM_THREADS = 1
export OPENBLAS_NUM_THREADS = 1

.DELETE_ON_ERROR:
.PHONY: help report papers test pango chromium lint fix tests wheel catalogue bench certify soak \
  lock docs clean

help:
	@sed -n 's/^# \{0,1\}//p' Makefile | head -11

report: pango $(CORE)
	$(RUN)/dpaudit report $(EXAMPLE) --out $(REPORT)

papers: pango $(EVERYTHING)
	$(RUN)/dpaudit data get adult
	$(RUN)/dpaudit data get digits
	$(RUN)/dpaudit reproduce all --workers 2 --out $(CURDIR)/dpaudit-papers

test: pango chromium $(EVERYTHING) lint tests wheel

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "dpaudit needs Python 3.11 to 3.13: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(CORE): $(VENV)/bin/python $(SOURCES)
	$(RUN)/python -m pip install --quiet --editable . --constraint constraints.txt
	@touch $@

$(EVERYTHING): $(VENV)/bin/python $(SOURCES)
	$(RUN)/python -m pip install --quiet --editable '.[all,test]' --constraint constraints.txt
	$(RUN)/python -m pip install --quiet --no-deps '$(AXE)'
	@touch $(CORE) $@

# WeasyPrint's only system need. Without it everything works but the PDF.
pango:
	@sh .ci/pango $(PYTHON)

# The tests marked "browser" open the report in it.
chromium:
	@sh .ci/chromium

lint: $(EVERYTHING)
	$(RUN)/ruff check
	$(RUN)/ruff format --check
	$(RUN)/mypy
	$(RUN)/lint-imports

fix: $(EVERYTHING)
	$(RUN)/ruff check --fix
	$(RUN)/ruff format

# The fast tests first, so that a mistake shows at once.
tests: $(EVERYTHING)
	$(TESTS) -m 'not slow' --numprocesses auto
	$(TESTS) -m slow --numprocesses auto

# The wheel, in an environment of its own and outside the tree, with the newest attrs and cattrs
# (the tests above run with the oldest): the command line, the plug-ins and the example.
wheel: $(EVERYTHING)
	rm -rf dist $(WHEEL_VENV)
	$(RUN)/python -m build --outdir dist .
	$(PYTHON) -m venv $(WHEEL_VENV)
	grep -vE '^(attrs|cattrs)==' constraints.txt > $(WHEEL_VENV)/constraints.txt
	$(WHEEL_VENV)/bin/python -m pip install --quiet dist/*.whl 'attrs>23.2' \
	  hypothesis jsonschema pytest --constraint $(WHEEL_VENV)/constraints.txt
	set -e; outside=$$(mktemp -d); trap 'rm -rf "$$outside"' EXIT; \
	  python=$(CURDIR)/$(WHEEL_VENV)/bin/python; \
	  cp -R examples tests pyproject.toml "$$outside"; cd "$$outside"; \
	  $$python -m dpaudit report $(EXAMPLE) --out report; \
	  $$python -m pytest -m 'not slow' -p no:cacheprovider tests/cli tests/decisions

# The sentences of the report, for translators.
catalogue: $(CORE)
	$(RUN)/pybabel --quiet extract -F dpaudit/report/locale/babel.cfg --no-default-keywords \
	  -k _ -k gettext -k noted -k prose -k plural:1,2 --omit-header --no-location \
	  -o dpaudit/report/locale/dpaudit.pot \
	  dpaudit/engine dpaudit/report templates/dpaudit_templates/report

# One of them: make bench BENCHMARKS=trees. A bar that is broken does not stop the others.
BENCHMARKS ?= startup quadrature simulation projections trees curvature samplers simplex \
  executors national report learning membership
RESULTS := $(CURDIR)/.bench

bench: pango $(EVERYTHING)
	$(RUN)/python -m pip install --quiet --requirement tests/benchmarks/requirements.txt \
	  --constraint constraints.txt
	@broken=0; for name in $(BENCHMARKS); do echo "== $$name"; \
	  DPAUDIT_BENCH=$(RESULTS) $(RUN)/python tests/benchmarks/$$name.py || broken=1; \
	done; $(RUN)/python tests/benchmarks/table.py $(RESULTS); exit $$broken

# Every interval and verdict over many nulls, beside what it promises and a control that fails.
certify: $(EVERYTHING)
	$(RUN)/python tests/certify/table.py docs/reference/certificates.md

# 100 kills, 1,000 audits in one process, a million entities, a tree of a million leaves, and
# fuzzing forty times as long.
soak: pango $(EVERYTHING)
	DPAUDIT_SOAK=1 DPAUDIT_FUZZ=40 $(TESTS) tests/reliability tests/fuzz

# The requirements of a report with the SHA-256 of every file; no name of where they came from.
lock: $(EVERYTHING)
	$(RUN)/python -m pip install --quiet pip-tools
	$(RUN)/python .ci/lock

# The reference comes from the program; a page or link that is missing is an error.
docs: $(EVERYTHING)
	$(RUN)/python docs/generate.py
	$(RUN)/python -m mkdocs build --strict --quiet

clean:
	rm -rf $(VENV) $(WHEEL_VENV) dist build .dpaudit-cache dpaudit-report dpaudit-papers .bench
