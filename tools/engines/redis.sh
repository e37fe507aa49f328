#!/usr/bin/env bash
# Redis on 127.0.0.1:6379, where the components expect it; one that answers there already is used.
# See engine.sh.
name=redis
. "$(dirname "${BASH_SOURCE[0]}")/engine.sh"
port=6379

# ask PORT LINES COMMAND...: prints so many lines of the answer; fails when nobody listens.
ask() (
  port=$1 lines=$2
  shift 2
  exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
  printf '%s\r\n' "$*" >&3
  while [ "$lines" -gt 0 ] && IFS= read -r -t 3 line <&3; do
    printf '%s\n' "${line%$'\r'}"
    lines=$((lines - 1))
  done
) 2>/dev/null

# answers PORT: 0 when a Redis does that we can use, 1 when there is none yet.
answers() {
  local answer
  answer=$(ask "$1" 1 PING) || return 1
  case $answer in
    +PONG) ;;
    -NOAUTH*) fail "the Redis on 127.0.0.1:$1 wants a password, which the components do not have: stop it or set redisPassword in components/" ;;
    -LOADING*) return 1 ;;
    *) fail "something on 127.0.0.1:$1 does not speak Redis; free that port" ;;
  esac
}

install() { command -v redis-server >/dev/null || debian redis-server; }

# appendfsync always: an answered write is on the disk. noeviction: a full Redis refuses rather than
# forgets. What follows DIR and PORT goes to the server.
serve() {
  local dir=$1 port=$2
  shift 2
  cd "$dir"
  exec redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" \
    --appendonly yes --appendfsync always --save '' --maxmemory-policy noeviction "$@"
}

prepare() { await 20 answers "$2" || fail "no answer on 127.0.0.1:$2 within 20 s; its log is in $1"; }

up() {
  if answers "$port"; then
    ours >/dev/null || say "Using the Redis on 127.0.0.1:$port"
    if [ "$(ask "$port" 5 CONFIG GET appendonly | tail -n 1)" != yes ]; then
      say "Warning: it keeps no append-only file: what was accepted is lost when it stops (CONFIG SET appendonly yes)"
    fi
    return
  fi
  start
  prepare "$data" "$port"
}

# One script for all keys, since a question for each would take its time: the shop is down anyway.
scan='
local now, keys, cursor = redis.call("TIME")[1], {}, "0"
repeat
  local page = redis.call("SCAN", cursor, "MATCH", ARGV[1] .. "*", "COUNT", 1000)
  cursor = page[1]
  for _, key in ipairs(page[2]) do
    local line, ttl = string.sub(key, #ARGV[1] + 1), redis.call("TTL", key)
    if ttl >= 0 then line = line .. "\t" .. string.format("%d", now + ttl) end
    keys[#keys + 1] = line
  end
until cursor == "0"
return keys'

keys() {
  local host password
  command -v redis-cli >/dev/null || debian redis-tools
  host=$(setting "$1" redisHost) password=$(setting "$1" redisPassword)
  if [ -n "$password" ]; then export REDISCLI_AUTH=$password; fi
  redis-cli -e --raw \
    -h "${host%:*}" -p "${host##*:}" -n "$(setting "$1" redisDB)" EVAL "$scan" 0 "$1||"
}

# It is back in no time, and a run of the default pair leaves nothing behind.
release() { down; }

main "$@"
