#!/usr/bin/env bash
# PostgreSQL. POSTGRES_URL=postgres://user:password@host:port/database names a server that runs
# already; the user must be allowed to create roles and databases. See engine.sh.
name=postgres
. "$(dirname "${BASH_SOURCE[0]}")/engine.sh"
port=15432
stop_signal=INT # ends sessions; TERM would wait for them
# The server refuses to be root, and the account that it is given instead cannot enter root's home.
if [ "$(id -u)" = 0 ]; then data=${SIDECART_DATA:-/var/lib/sidecart}/postgres; fi

# Debian keeps the server's programs out of the PATH.
bin() {
  local newest
  newest=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  if [ -x "$newest/$1" ]; then printf '%s' "$newest/$1"; else command -v "$1"; fi
}

install() {
  if ! bin postgres >/dev/null || ! bin initdb >/dev/null || ! command -v psql >/dev/null; then debian postgresql; fi
}

serve() {
  local dir=$1 port=$2 account=()
  cd "$dir"
  secret "$dir" >/dev/null
  if [ "$(id -u)" = 0 ]; then
    id postgres >/dev/null 2>&1 || fail "no account named postgres to run it as: adduser --system --group postgres"
    chown -R postgres: "$dir"
    account=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    # A test's server dies with the test; the kernel forgets that wish when the account changes.
    if [ -n "${SIDECART_TIED:-}" ]; then account+=(--pdeathsig=KILL); fi
  fi
  if [ ! -e "$dir/data/PG_VERSION" ]; then
    rm -rf "$dir/data"
    # The journal and the data are written through from the server's first second on; making them need not be.
    "${account[@]}" "$(bin initdb)" --no-sync --pgdata="$dir/data" --username=sidecart --pwfile="$dir/password" \
      --auth=scram-sha-256 --encoding=UTF8 --locale=C >/dev/null
    sync
  fi
  exec "${account[@]}" "$(bin postgres)" -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c max_connections=400 -c fsync=on -c synchronous_commit=on -c full_page_writes=on
}

# address USER PASSWORD DATABASE: the server of $url, for somebody else.
address() {
  [[ $url =~ ^postgres(ql)?://([^@/]*@)?([^/?]+)(/[^?]*)?(\?.*)?$ ]] ||
    fail "POSTGRES_URL has to look like postgres://user:password@host:port/database"
  printf 'postgres://%s:%s@%s/%s%s' "$1" "$2" "${BASH_REMATCH[3]}" "$3" "${BASH_REMATCH[5]:-?connect_timeout=2}"
}

ask() { PGCONNECT_TIMEOUT=3 psql -X -q -v ON_ERROR_STOP=1 "$url" "$@" 2>&1; }

answers() { answer=$(ask -c 'SELECT 1'); }

# complain says what psql's last answer means to whoever set the address.
complain() {
  case $answer in
    *"password authentication failed"* | *"no password supplied"*) fail "the server refuses user or password: correct them in $1" ;;
    *"database "*" does not exist"*) fail "the database in $1 does not exist: create it, or name another one, such as postgres" ;;
    *"permission denied"*) fail "the user in $1 may not create roles and databases: ALTER ROLE ... CREATEROLE CREATEDB, or name another one" ;;
    *refused* | *"timeout expired"* | *"could not translate"* | *"starting up"*) fail "no server answers at the address in $1: start it, or unset POSTGRES_URL to have one started here" ;;
    *) fail "the server in $1 says: $(tail -n 1 <<<"$answer")" ;;
  esac
}

# setup SEED SOURCE: a role and a database for each service. The passwords follow from the seed, so
# that every run and every checkout finds them the same.
setup() {
  local app role password
  for app in $(apps); do
    role=sidecart_$app
    password=$(printf '%s %s' "$1" "$role" | sha256sum | cut -c 1-48)
    printf "SELECT 'CREATE ROLE %s LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '%s') \\gexec\n" "$role" "$role"
    printf "ALTER ROLE %s PASSWORD '%s';\nGRANT %s TO CURRENT_USER;\n" "$role" "$password" "$role"
    printf "SELECT 'CREATE DATABASE %s OWNER %s' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '%s') \\gexec\n" "$role" "$role" "$role"
    printf 'REVOKE ALL ON DATABASE %s FROM PUBLIC;\n' "$role"
    printf 'postgres-%s=%s\n' "$app" "$(address "$role" "$password" "$role")" >&3
  done | answer=$(ask -f -) || { answer=$(ask -c 'CREATE ROLE sidecart_probe' -c 'DROP ROLE sidecart_probe' || true); complain "$2"; }
} 3>&1

prepare() {
  local seed
  seed=$(secret "$1")
  url=postgres://sidecart:$seed@127.0.0.1:$2/postgres
  await 20 answers || complain "$1/server.log"
  setup "$seed" "$1/server.log"
}

up() {
  if [ -z "${POSTGRES_URL:-}" ]; then
    start
    prepare "$data" "$port"
    return
  fi
  url=$POSTGRES_URL
  address x x x >/dev/null
  command -v psql >/dev/null || debian postgresql-client
  answers || complain POSTGRES_URL
  setup "$url" POSTGRES_URL
}

keys() {
  url=$(sed -n "s/^postgres-$1=//p")
  answer=$(ask -At -F $'\t' -c "SELECT substr(key, length('$1||') + 1), extract(epoch FROM expires_at)::bigint FROM state
    WHERE starts_with(key, '$1||') AND (expires_at IS NULL OR expires_at >= now())") || complain ".sidecart/engines.json"
  printf '%s\n' "$answer"
}

explain() {
  case $1 in
    *"password authentication failed"*) printf 'a service is refused by PostgreSQL although its role was just made: is a proxy between that knows other passwords?' ;;
    *"too many clients"* | *"remaining connection slots"*) printf 'PostgreSQL has too few connections: each replica of a service takes up to maxConns (components/state/postgres); raise max_connections' ;;
  esac
}

main "$@"
