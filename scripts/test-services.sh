#!/usr/bin/env bash
# Makes sure of what the end-to-end tests drive the gateway with: curl, and Python with the clients of test/e2e/requirements.txt.
# Without one of them the tests that need it are skipped; with CI=true that is a failure.
# LiteLLM's own client is large: it is installed with CI=true, or when it is asked for (scripts/test-services.sh litellm), and
# nothing fails for want of it.
set -u
cd "$(dirname "$0")/.."

use_venv() {
  venv=$1
  requirements=$2
  stamp=$venv/installed-requirements.txt
}

missing=0

say() { printf 'test services: %s\n' "$*"; }

lack() {
  say "$*"
  missing=1
}

# Installs a Debian package where that is possible without asking anyone.
apt_install() {
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
  say "installing $* with apt-get"
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1 && return 0
  apt-get update -qq >/dev/null 2>&1
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

make_venv() {
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  python3 -m venv "$venv" >/dev/null 2>&1
}

install_python_clients() {
  command -v python3 >/dev/null || apt_install python3 python3-venv || return 1
  make_venv || { apt_install python3-venv && make_venv; } || return 1
  say "installing $requirements into $venv"
  "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" || return 1
  cp "$requirements" "$stamp"
}

if ! command -v curl >/dev/null && ! apt_install curl; then
  lack "no curl; its tests are skipped"
fi

want_python_clients() {
  use_venv "$1" "$2"
  cmp -s "$requirements" "$stamp" && return 0
  install_python_clients && return 0
  lack "no Python with the clients of $requirements (python3 with venv and pip, and a package index, are needed); their tests are skipped"
}

want_python_clients .cache/python test/e2e/requirements.txt
if [ "${CI:-}" = true ] || [ "${1:-}" = litellm ]; then
  missing_before=$missing
  want_python_clients .cache/python-litellm test/e2e/requirements-litellm.txt
  missing=$missing_before
fi

[ "$missing" = 0 ] && exit 0
[ "${CI:-}" = true ] && { say "CI=true: every service must be there"; exit 1; }
exit 0
