# What the engines' scripts share; they read it first. Each of them is called like a folder of
# components/state or components/pubsub, and does one of these:
#   install          makes sure that the engine can be started here
#   serve DIR PORT   becomes the engine, on PORT of 127.0.0.1, with all that it keeps in DIR
#   prepare DIR PORT waits for a served engine and makes in it what the components expect
#   up               the same for local runs: uses the server whose address the environment gives, else
#                    one of its own, which it starts unless it runs
#   release          says what becomes of the own server when a run ends
#   down             stops the own server
#   keys APP         for an engine of state: the keys of a service's documents, without the "APP||" before
#                    them, one per line; for a document that expires, a tab and the Unix time follow. Wants
#                    on stdin what `up` printed
#   explain MESSAGE  says what a sidecar's last words mean to whoever chose the server, if it knows
# `prepare` and `up` print what the secret store `engines` has to hold, as name=value lines.
# Whatever goes wrong is one sentence on stderr that names the cause and the cure.
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
fail() { say "$name: $*"; exit 1; }

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
components=$here/../../components
data=${SIDECART_DATA:-${XDG_DATA_HOME:-$HOME/.local/share}/sidecart}/$name

# apps lists the services that have a store.
apps() { sed -n 's/^scopes: \[\(.*\)\]$/\1/p' "$components/state/$name/state.yaml"; }

# secret DIR prints the password that a server with that data has, made once.
secret() {
  if [ ! -s "$1/password" ]; then
    (umask 077 && head -c 24 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$1/password")
  fi
  cat "$1/password"
}

# setting APP NAME prints what a service's state component says.
setting() {
  awk -v component="$1-state" -v field="name: $2," '
    /^---/ { found = 0 }
    $1 == "name:" && $2 == component { found = 1 }
    found && index($0, field) { sub(/.*value: *"?/, ""); sub(/"?} *$/, ""); print; exit }' "$components/state/$name/state.yaml"
}

# listening HOST PORT
listening() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

# debian PACKAGE... installs without starting anything: what Debian starts lies elsewhere and is
# set up otherwise.
debian() {
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "not installed, and only root on Debian or Ubuntu can be helped: install it (apt-get install $*) or name a running server in the environment (tools/README.md)"
  fi
  say "Installing $* with apt-get"
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    ours=yes
  fi
  local status=0
  {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  } >&2 || status=$?
  if [ -n "$ours" ]; then rm -f $policy; fi
  [ "$status" = 0 ] || fail "apt-get could not install $*; see above"
}

# ours prints the process id of the own server while it runs. A process id can be somebody else's
# by now, so the process has to be at work in our folder.
ours() {
  local pid dir
  pid=$(cat "$data/pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null || return 1
  if [ -e "/proc/$pid/cwd" ]; then
    dir=$(readlink "/proc/$pid/cwd") || return 1
    case $dir/ in "$data"/*) ;; *) return 1 ;; esac
  fi
  printf '%s' "$pid"
}

# start runs the own server in the background, out of the reach of the terminal's Ctrl-C.
start() {
  ours >/dev/null && return
  if listening 127.0.0.1 "$port"; then
    fail "port $port of 127.0.0.1 is taken by something else: stop that, or name a running server in the environment (tools/README.md)"
  fi
  install
  mkdir -p "$data"
  say "Starting $name on 127.0.0.1:$port, data and log in $data"
  setsid "$here/$name.sh" serve "$data" "$port" </dev/null >"$data/server.log" 2>&1 &
  printf '%s' $! >"$data/pid"
}

# await SECONDS COMMAND... until the command succeeds.
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.1
  done
}

up() { start; prepare "$data" "$port"; }

release() {
  if ours >/dev/null; then say "$name stays up for the next run; \`make down\` stops it"; fi
}

down() {
  local pid
  pid=$(ours) || return 0
  kill -"${stop_signal:-TERM}" "$pid"
  await 20 gone "$pid" || fail "process $pid did not stop within 20 s; kill -9 it"
  rm -f "$data/pid"
}

explain() { :; }

gone() { ! kill -0 "$1" 2>/dev/null; }

main() {
  case ${1:-} in
    install | up | release | down) "$1" ;;
    serve | prepare | explain | keys) "$@" ;;
    *) fail "say install, serve DIR PORT, prepare DIR PORT, up, release, down, explain MESSAGE or keys APP" ;;
  esac
}
