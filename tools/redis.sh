#!/usr/bin/env bash
# redis.sh check [quiet]  whether a Redis answers on 127.0.0.1:6379: exit code 0, or 3 if nobody does
# redis.sh serve          becomes a Redis there that keeps what it is told; installs it if need be
# redis.sh install        only makes sure that there is a redis-server to start
set -euo pipefail

say() { printf '%s\n' "$*" >&2; }
fail() { say "redis: $*"; exit 1; }

# ask LINES COMMAND...: prints so many lines of the answer; fails when nobody listens.
ask() (
  lines=$1
  shift
  exec 3<>/dev/tcp/127.0.0.1/6379 || exit 1
  printf '%s\r\n' "$*" >&3
  while [ "$lines" -gt 0 ] && IFS= read -r -t 3 line <&3; do
    printf '%s\n' "${line%$'\r'}"
    lines=$((lines - 1))
  done
) 2>/dev/null

running() {
  local answer
  answer=$(ask 1 PING) || return 1
  case $answer in
    +PONG) ;;
    -NOAUTH*) fail "the Redis on 127.0.0.1:6379 wants a password, which the components do not have: stop it or set redisPassword in components/" ;;
    -LOADING*) return 1 ;;
    *) fail "something on 127.0.0.1:6379 does not speak Redis; free that port" ;;
  esac
}

install() {
  command -v redis-server >/dev/null && return
  if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    fail "no Redis on 127.0.0.1:6379 and no redis-server to start: install one (Debian, Ubuntu: sudo apt-get install redis-server; Fedora: sudo dnf install redis; macOS: brew install redis)"
  fi
  say "Installing redis-server with apt-get"
  local policy=/usr/sbin/policy-rc.d ours=
  # Debian starts what it installs, without a journal, on our port. This tells it not to.
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    ours=yes
  fi
  local status=0
  {
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server
  } >&2 || status=$?
  if [ -n "$ours" ]; then rm -f $policy; fi
  [ "$status" = 0 ] || fail "apt-get could not install redis-server"
  if [ -d /run/systemd/system ]; then systemctl disable --now redis-server >&2 || true; fi
}

# check is true when there is a Redis to use, and says so unless it is asked to be quiet.
check() {
  running || exit 3
  if [ "${1:-}" = quiet ]; then return; fi
  say "Using the Redis on 127.0.0.1:6379"
  if [ "$(ask 4 CONFIG GET appendonly | tail -n 1)" != yes ]; then
    say "Warning: it keeps no append-only file: what was accepted is lost when it stops (CONFIG SET appendonly yes)"
  fi
}

serve() {
  install
  local data=${XDG_DATA_HOME:-$HOME/.local/share}/sidecart/redis
  mkdir -p "$data"
  say "Starting Redis on 127.0.0.1:6379, data and log in $data"
  # appendfsync always: an answered write is on the disk. noeviction: a full Redis refuses rather
  # than forgets.
  exec redis-server --bind 127.0.0.1 --port 6379 --dir "$data" --logfile "$data/redis.log" \
    --appendonly yes --appendfsync always --save '' --maxmemory-policy noeviction
}

case ${1:-} in
  check) check "${2:-}" ;;
  serve) serve ;;
  install) install ;;
  *) fail "say check, serve or install" ;;
esac
