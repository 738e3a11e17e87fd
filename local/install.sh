#!/bin/sh
# Makes .venv and installs the project into it; the Makefile calls it when it has to.
#
#   install.sh install    .venv, with the exact versions of constraints.txt
#   install.sh lock       constraints.txt, with the newest versions that fit setup.cfg
#   install.sh clean      removes .venv, the stack's data and all caches
#
# PYTHON may name the interpreter to use.
set -eu
cd "$(dirname "$0")/.."

log=.local/install.log
extras='[api,worker,otel,local,test]'

fail() {
    echo "error: $*" >&2
    exit 1
}

# Whether a command is a Python of a version that will do. Trying is the only way to know: a name
# on the path may be a shim for a version that is not there.
fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

# Debian and Ubuntu keep this in a package of its own.
makes_environments() {
    "$1" -c 'import ensurepip, venv' 2>/dev/null
}

find_python() {
    incomplete=
    if [ -n "${PYTHON:-}" ]; then
        set -- "$PYTHON"
    else
        set -- python3 python3.11 python3.12 python3.13 python
    fi
    for candidate do
        fits "$candidate" || continue
        if makes_environments "$candidate"; then
            python=$candidate
            return
        fi
        incomplete=${incomplete:-$candidate}
    done
    if [ -n "$incomplete" ]; then
        version=$("$incomplete" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        fail "$incomplete cannot make virtual environments:" \
            "its module ensurepip is missing (on Debian and Ubuntu: apt-get install python$version-venv)."
    fi
    [ -z "${PYTHON:-}" ] || fail "PYTHON=$PYTHON is no Python 3.11, 3.12 or 3.13."
    fail "No Python 3.11, 3.12 or 3.13 was found. Install one, or name it: make PYTHON=/path/to/python3"
}

# Runs a command with its output in the log, and shows the end of that when it fails.
quietly() {
    if ! "$@" >>"$log" 2>&1; then
        tail -n 20 "$log" >&2
        fail "That did not work; all of its output is in $log."
    fi
}

start_log() {
    mkdir -p .local
    : >"$log"
}

install() {
    start_log
    # Of another Python, or moved here from elsewhere: made anew.
    if [ -n "${PYTHON:-}" ] || ! fits .venv/bin/python; then
        find_python
        rm -rf .venv
        echo "Making .venv with $("$python" --version). Installing its packages takes about a minute, once."
        quietly "$python" -m venv .venv
    else
        echo "Bringing the packages in .venv up to date."
    fi
    quietly .venv/bin/python -m pip install --disable-pip-version-check --no-compile \
        --constraint constraints.txt --editable ".$extras"
    # pip would compile too, but on one core. Some packages hold files for other Pythons: those fail.
    .venv/bin/python -m compileall -q -j 0 .venv/lib >>"$log" 2>&1 || true
    touch .venv/installed
}

lock() {
    start_log
    find_python
    fresh=.local/lock-venv
    echo "Installing the newest versions of everything with $("$python" --version), to see which they are."
    rm -rf "$fresh"
    quietly "$python" -m venv "$fresh"
    quietly "$fresh/bin/python" -m pip install --disable-pip-version-check --no-compile ".$extras"
    {
        echo "# The exact versions of everything that the project installs, on Python 3.11 to 3.13."
        echo "# Made anew by \`make lock\`."
        "$fresh/bin/python" -m pip freeze --disable-pip-version-check --exclude movies-r-us
    } >"$fresh/constraints.txt"
    mv "$fresh/constraints.txt" constraints.txt
    rm -rf "$fresh"
    echo "constraints.txt is new. Now: make test"
}

clean() {
    if fits .venv/bin/python && [ -e .venv/installed ]; then
        .venv/bin/python -m local forget
    fi
    rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
        ./*.egg-info build
    find . -name __pycache__ -type d -prune -exec rm -rf {} +
}

case "${1:-}" in
    install | lock | clean) "$1" ;;
    *) fail "usage: install.sh install|lock|clean" ;;
esac
