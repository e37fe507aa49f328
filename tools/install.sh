#!/usr/bin/env bash
# Makes sure of the pinned Dapr runtime and CLI, and prints where they are:
#   DAPRD=<path>  DAPR=<path>  DAPR_RUNTIME_PATH=<folder whose .dapr/bin holds daprd>
# one to a line, on stdout; all else goes to stderr. Installed ones of exactly these versions are
# used; otherwise they are built from source, once, into a cache outside the checkout.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '%s\n' "$*" >&2; }
fail() { say "install: $*"; exit 1; }

pinned() { awk -v m="$2" '$1 == "require" && $2 == m { print substr($3, 2) }' "$1/go.mod"; }
runtime=$(pinned dapr github.com/dapr/dapr)
cli=$(pinned cli github.com/dapr/cli)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sidecart
root=$cache/dapr-$runtime
built_cli=$cache/dapr-cli-$cli/dapr

is_runtime() { [ -x "$1" ] && [ "$("$1" --version 2>/dev/null)" = "$runtime" ]; }
is_cli() { [ -x "$1" ] && [ "$("$1" --version 2>/dev/null | awk '/CLI version/ { print $3 }')" = "$cli" ]; }

# first CHECK PATH... prints the first path that passes.
first() {
  local check=$1 path
  shift
  for path; do
    if "$check" "$path"; then printf '%s' "$path"; return; fi
  done
  return 1
}

need_go() {
  local need
  need=$(awk '$1 == "go" { print $2 }' ../go.mod dapr/go.mod cli/go.mod | sort -V | tail -n 1)
  command -v go >/dev/null || fail "Go $need or newer is needed (https://go.dev/dl) and no go is on the PATH"
  # Inside the module Go may fetch the toolchain it asks for; it refuses where that is forbidden.
  (cd dapr && go version >/dev/null 2>&1) ||
    fail "Go $need or newer is needed (https://go.dev/dl); this is $(cd / && go env GOVERSION), GOTOOLCHAIN=$(cd / && go env GOTOOLCHAIN)"
}

# progress turns the chatter of go build -v into a line now and then and passes errors on.
progress() {
  awk '/^go: downloading / { if (++d % 50 == 0) print "  " d " modules downloaded"; fflush(); next }
    /^[^ #]+$/ { if (++p % 200 == 0) print "  " p " packages compiled"; fflush(); next }
    { print; fflush() }' >&2
}

# build MODULE PACKAGE TARGET LDFLAGS [TAGS]: to a temporary name first, so that a
# half-written program is never found.
build() {
  local target=$3 began=$SECONDS
  temporary=$target.$$
  mkdir -p "$(dirname "$target")"
  (cd "$1" && CGO_ENABLED=0 GOFLAGS= go build -v -mod=readonly -buildvcs=false \
    -tags "${5:-}" -ldflags "-s -w $4" -o "$temporary" "$2") 2>&1 | progress
  mv "$temporary" "$target"
  say "  done in $((SECONDS - began)) s: $target"
}

find_runtime() { daprd=$(first is_runtime "$root/.dapr/bin/daprd" "$(command -v daprd || true)" "$HOME/.dapr/bin/daprd"); }
find_cli() { dapr=$(first is_cli "$built_cli" "$(command -v dapr || true)" "$HOME/.dapr/bin/dapr"); }

temporary=
trap 'if [ -n "$temporary" ]; then rm -f "$temporary"; fi' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! find_runtime || ! find_cli; then
  need_go
  mkdir -p "$cache"
  # One at a time: who comes second finds the work done.
  if command -v flock >/dev/null; then
    exec 9>"$cache/lock"
    flock -n 9 || { say "install: waiting for another build of the tools"; flock 9; }
  fi
  if ! find_runtime; then
    say "Building Dapr runtime $runtime from source: once, about 6 minutes on two cores (about 2900 packages)"
    version="-X github.com/dapr/dapr/pkg/buildinfo.version=$runtime -X github.com/dapr/kit/logger.DaprVersion=$runtime"
    build dapr github.com/dapr/dapr/cmd/daprd "$root/.dapr/bin/daprd" "$version" allcomponents
    find_runtime || fail "the built daprd does not call itself $runtime"
  fi
  if ! find_cli; then
    say "Building Dapr CLI $cli from source: once, about 3 minutes on two cores (about 1800 packages)"
    build cli github.com/dapr/cli "$built_cli" "-X main.version=$cli -X main.apiVersion=1.0"
    find_cli || fail "the built CLI does not call itself $cli"
  fi
fi

# The CLI looks for <folder>/.dapr/bin/daprd and nowhere else.
case $daprd in
  */.dapr/bin/daprd) runtime_path=${daprd%/.dapr/bin/daprd} ;;
  *)
    runtime_path=$cache/installed-$runtime
    mkdir -p "$runtime_path/.dapr/bin"
    ln -sfn "$daprd" "$runtime_path/.dapr/bin/daprd"
    ;;
esac
printf 'DAPRD=%s\nDAPR=%s\nDAPR_RUNTIME_PATH=%s\n' "$daprd" "$dapr" "$runtime_path"
