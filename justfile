# The menu. `just` lists it, `just up` runs everything, `just test` tests everything.

set positional-arguments

python := ".venv/bin/python"
workers := "-n logical --maxprocesses 4"

[private]
default:
    @'{{ just_executable() }}' --justfile '{{ justfile() }}' --list --unsorted

# The runner replaces the shell, so that Ctrl-C reaches it alone, and it also stops when `just` is killed.

[doc('Set up what is missing, then run everything until Ctrl-C')]
[group('use')]
[no-exit-message]
up:
    @python3 deploy/local/setup.py up
    @exec {{ python }} -m onethread.local up --with-parent

# All tests go to a worker for each processor. Some tests, asked for by name, begin sooner without: `-n 2` has them too.

[doc('Set up what is missing, then run the tests; arguments go to pytest (`just test services/agent -k handoff`)')]
[group('use')]
[no-exit-message]
test *ARGS:
    @python3 deploy/local/setup.py test
    @exec {{ python }} -m pytest {{ if ARGS == "" { workers } else { "" } }} "$@"

[doc('Start the stack under real traffic and print latency, rate and memory; `just bench conversation`: that service with a long past')]
[group('use')]
[no-exit-message]
bench *ARGS:
    @python3 deploy/local/setup.py test
    @exec {{ python }} -m tests.bench "$@"

[doc('Read damaged and hostile mails for so many seconds (600) and keep what goes wrong; a folder of mails may follow')]
[group('develop')]
[no-exit-message]
fuzz *ARGS:
    @python3 deploy/local/setup.py test
    @exec {{ python }} -m tests.fuzz "$@"

[doc('Customers and teammates while services, servers, relay and Slack fail, for so many seconds (300); `--seed N`: the same plan')]
[group('develop')]
[no-exit-message]
chaos *ARGS:
    @python3 deploy/local/setup.py test
    @PYTHONPATH=tests exec {{ python }} -m chaos "$@"

[doc('The same without faults, for so many minutes (30): latency and memory, minute by minute')]
[group('develop')]
[no-exit-message]
soak *ARGS:
    @python3 deploy/local/setup.py test
    @PYTHONPATH=tests exec {{ python }} -m chaos soak "$@"

[doc('Everything that a change must pass, changing nothing: lint, then test')]
[group('develop')]
check: lint test

[doc('Style, types and drift of what is generated; changes nothing')]
[group('develop')]
lint: _dev
    {{ python }} -m ruff check
    {{ python }} -m ruff format --check
    {{ python }} -m pyright
    {{ python }} deploy/local/build_ui.py --check
    {{ python }} -m onethread.contracts.generate --check
    {{ python }} -m onethread.conversation.openapi --check

[doc('Test each package in an environment that holds only what it declares; arguments are folders of packages')]
[group('develop')]
alone *PACKAGES: _dev
    {{ python }} deploy/tests/alone.py "$@"

[doc('Repair what ruff can repair')]
[group('develop')]
fix: _dev
    {{ python }} -m ruff check --fix
    {{ python }} -m ruff format

[doc('Write AsyncAPI, OpenAPI and JSON Schemas anew from the code')]
[group('develop')]
docs: _dev
    {{ python }} -m onethread.contracts.generate
    {{ python }} -m onethread.conversation.openapi

[doc('Remove what was installed and built; the data stay')]
[group('develop')]
clean:
    rm -rf .venv .build node_modules libs/browser/node_modules services/*/src/onethread/*/static
    find . -name __pycache__ -prune -exec rm -rf {} +

[private]
[no-exit-message]
_dev:
    @python3 deploy/local/setup.py dev
