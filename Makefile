# Everyday commands. Everything they install goes into .venv/ here; `make test` may also ask apt-get for browsers and PostgreSQL.
# Settings come from the environment or the command line: make run PORT=9000 DATABASE_URL=postgresql://…  (docs/configuration.md has all)

PORT ?= 8000
SECONDS ?= 1800
ARGS ?=
FLASK = .venv/bin/flask --app wsgi
export PORT

.PHONY: run dev test lint bench torture clean requirements database tools
.NOTPARALLEL:

run: database            ## the shop as in production, on http://127.0.0.1:8000
	exec $(FLASK) serve

dev: database            ## the shop with reload and debugger
	exec $(FLASK) run --debug --port $(PORT)

test: .venv/dev tools    ## all tests but the long ones; make test ARGS="-k cart -x"
	.venv/bin/python -m pytest -m "not torture" -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/dev          ## style, types, templates
	.venv/bin/ruff check . && .venv/bin/ruff format --check . && .venv/bin/mypy app/services app/models && .venv/bin/djlint --quiet app/templates

bench: .venv/dev         ## the figures that docs/ and goals speak of
	.venv/bin/python -m bench $(ARGS)

torture: .venv/dev tools ## races, kills and hostile input for that long: make torture SECONDS=300
	.venv/bin/python -m tests.torture --seconds $(SECONDS) $(ARGS)

clean:                   ## all that was built or installed here; never instance/, where the shop's data is
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist *.egg-info && find . -name __pycache__ -prune -exec rm -rf {} +

# --- what the above stand on ---

database: .venv/runtime
	$(FLASK) db upgrade && $(FLASK) demo load --if-empty

tools: .venv/dev
	tests/install-tools

.venv/runtime: requirements.txt
	test -x .venv/bin/pip || python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt && touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt && touch $@

# After a change to a *.in file. pip-compile pins everything; awk puts our reasons where pip-compile says who asked.
PIN = .venv/bin/pip-compile --quiet --no-header --annotation-style=line --no-strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options
WHY = awk 'NR == FNR { if (/==/) { pin = $$1; sub(/^[^\#]*/, ""); why[pin] = $$0 } next } \
	/==/ && $$1 in why { printf "%-31s %s\n", $$1, why[$$1]; next } /==/ { pin = $$1; sub(/^[^\#]*/, ""); printf "%-31s %s\n", pin, $$0 }'
requirements: .venv/dev
	for name in requirements requirements-dev; do $(PIN) -o $$name.txt $$name.in && $(WHY) $$name.in $$name.txt > $$name.new && mv $$name.new $$name.txt || exit 1; done
