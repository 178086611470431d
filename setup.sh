#!/bin/sh
# Makes the project's own environment and installs what is missing, system packages included where
# this user may. Usage: setup.sh PYTHON VENV
set -eu
python=$1 venv=$2

install_system() {
    if [ "$(id -u)" = 0 ]; then as_root=""; elif sudo -n true 2>/dev/null; then as_root="sudo -n"; else
        echo "Expected $* on this machine, but it is missing. Ask an administrator to run: apt-get install $*" >&2
        exit 2
    fi
    command -v apt-get >/dev/null || { echo "Install $* with your system's package manager, then try again." >&2; exit 2; }
    # shellcheck disable=SC2086 # as_root is one word, two, or none
    $as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq "$@"
}

command -v "$python" >/dev/null || install_system python3
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Expected Python 3.11 or newer, but got $("$python" --version). Name one: make run PYTHON=python3.12" >&2
    exit 2
}
# Debian keeps venv apart from python3: without it `-m venv` fails half-way.
"$python" -c 'import ensurepip, venv' 2>/dev/null || install_system python3-venv

rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --upgrade pip
echo "Installing t2sbench and what it needs into $venv (PyTorch is large: a minute or more)..."
"$venv/bin/python" -m pip install --quiet --editable '.[dev]'

# Rendering needs EGL and an OpenGL driver; Mesa's software one will do. Nothing else needs them.
can_render() {
    "$venv/bin/python" -c 'from benchmark.simulators.gl.context import create_context as c; c()' 2>/dev/null
}
can_render || (install_system libegl1 libgl1 libgl1-mesa-dri) && can_render ||
    echo "Rendering (t2sbench render, preview) will not work yet: see t2sbench doctor." >&2
