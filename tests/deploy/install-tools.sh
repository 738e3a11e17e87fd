#!/bin/sh
# Installs what `make check-deploy` needs into .local/deploy-tools, from PyPI and npm. What cannot be
# installed is left out: the tests that need it skip, and say so.
set -eu
cd "$(dirname "$0")/../.."

place=.local/deploy-tools
mkdir -p "$place/bin"

if ! cmp -s requirements/deploy-tools.txt "$place/tools.txt"; then
    echo "Installing the tools of check-deploy, which takes a minute or two, once."
    rm -rf "$place/venv"
    .venv/bin/python -m venv "$place/venv"
    if "$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --requirement requirements/deploy-tools.txt >"$place/pip.log" 2>&1; then
        cp requirements/deploy-tools.txt "$place/tools.txt"
    else
        echo "check-deploy: some tools could not be installed ($place/pip.log)" >&2
    fi
fi

if [ ! -x "$place/bin/helm" ] && ! command -v helm >/dev/null; then
    if [ -x ../shared/tools/get-helm ]; then
        ../shared/tools/get-helm "$place/bin" || echo "check-deploy: helm could not be had" >&2
    else
        echo "check-deploy: helm is not installed" >&2
    fi
fi

if [ ! -d "$place/node_modules/dclint" ] && command -v npm >/dev/null; then
    npm install --silent --no-fund --no-audit --prefix "$place" dclint@3.1.0 >"$place/npm.log" 2>&1 ||
        echo "check-deploy: dclint could not be installed ($place/npm.log)" >&2
fi
