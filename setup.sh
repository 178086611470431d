#!/bin/sh
# Makes the project's environment and installs missing packages, system packages included where
# this user may install them. Usage: setup.sh core|dev PYTHON VENV
#   core: the package with its core dependencies, for cached runs; starts from an empty environment.
#   dev:  everything that tests and rendering need, into the same environment.
set -eu
part=$1 python=$2 venv=$3

install_system() {
    if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else
        echo "Missing system packages: $*. Ask an administrator to run: apt-get install $*" >&2
        return 2
    fi
    command -v apt-get >/dev/null || { echo "Install $* with your system's package manager, then try again." >&2; return 2; }
    # shellcheck disable=SC2086 # as_root is one word, two, or none
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq "$@" >/dev/null
}

make_environment() {
    command -v "$python" >/dev/null || install_system python3
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "Python 3.11 or newer is needed (found $("$python" --version)). Name one: make run PYTHON=python3.12" >&2
        exit 2
    }
    # Debian keeps venv apart from python3: without it `-m venv` fails half-way.
    "$python" -c 'import ensurepip, venv' 2>/dev/null || install_system python3-venv
    rm -rf "$venv"
    "$python" -m venv "$venv"
}

can_render() {
    "$venv/bin/python" -c 'from benchmark.simulators.gl.context import create_context as c; c()' 2>/dev/null
}

case $part in
core)
    make_environment
    echo "Installing t2sbench into $venv..."
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable .
    ;;
dev)
    echo "Installing PyTorch, simulators and test tools into $venv (some minutes: PyTorch is large)..."
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    # Rendering needs EGL and an OpenGL driver; Mesa's software driver is enough.
    can_render || { install_system libegl1 libgl1 libgl1-mesa-dri && can_render; } ||
        echo "Rendering does not work yet: see $venv/bin/t2sbench doctor. Other tests run." >&2
    # Tests of the site need a browser; without one they are skipped.
    command -v chromedriver >/dev/null || install_system chromium chromium-driver ||
        echo "No chromium and chromedriver: tests of the site in a browser are skipped." >&2
    ;;
*)
    echo "Usage: setup.sh core|dev PYTHON VENV" >&2
    exit 2
    ;;
esac
