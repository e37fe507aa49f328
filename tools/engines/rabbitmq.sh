#!/usr/bin/env bash
# RabbitMQ. RABBITMQ_URL=amqp://user:password@host:port/vhost names a server that runs already; `up`
# tells how to give it its queues. See engine.sh.
name=rabbitmq
. "$(dirname "${BASH_SOURCE[0]}")/engine.sh"
port=15673

install() { command -v rabbitmq-server >/dev/null || [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ] || debian rabbitmq-server; }

# queues prints "app topic" for each subscription to `pubsub`.
queues() {
  awk '
    function flush(  i, n, app) {
      if (pubsub == "pubsub") { n = split(scopes, app, /[][, ]+/); for (i = 1; i <= n; i++) if (app[i] != "") print app[i], topic }
      pubsub = topic = scopes = ""
    }
    /^---/ { flush() }
    $1 == "pubsubname:" { pubsub = $2 }
    $1 == "topic:" { topic = $2 }
    $1 == "scopes:" { sub(/^scopes: */, ""); scopes = $0 }
    END { flush() }' "$components/subscriptions.yaml"
}

# definitions prints the exchanges, queues and bindings as the sidecars declare them, for `rabbitmqctl
# import_definitions`: what is published before a service has first run waits for it. And the
# policy that removes the queues of replicas of product that are gone.
definitions() {
  queues | awk -v vhost="$1" '
    { queue[++n] = $1 "-" $2; topic[n] = $2; if (!seen[$2]++) exchange[++m] = $2 }
    END {
      printf "\"exchanges\": ["
      for (i = 1; i <= m; i++) printf "%s{\"name\":\"%s\",\"vhost\":\"%s\",\"type\":\"fanout\",\"durable\":true,\"auto_delete\":false,\"internal\":false,\"arguments\":{}}", (i > 1 ? "," : ""), exchange[i], vhost
      printf "],\n\"queues\": ["
      for (i = 1; i <= n; i++) printf "%s{\"name\":\"%s\",\"vhost\":\"%s\",\"durable\":true,\"auto_delete\":false,\"arguments\":{\"x-queue-type\":\"classic\"}}", (i > 1 ? "," : ""), queue[i], vhost
      printf "],\n\"bindings\": ["
      for (i = 1; i <= n; i++) printf "%s{\"source\":\"%s\",\"vhost\":\"%s\",\"destination\":\"%s\",\"destination_type\":\"queue\",\"routing_key\":\"\",\"arguments\":{}}", (i > 1 ? "," : ""), topic[i], vhost, queue[i]
      printf "],\n\"policies\": [{\"vhost\":\"%s\",\"name\":\"sidecart-broadcast\",\"pattern\":\"^[0-9a-f]{8}-[0-9a-f-]{27}-\",\"apply-to\":\"queues\",\"priority\":0,\"definition\":{\"expires\":3600000}}]\n", vhost
    }'
}

serve() {
  local dir=$1 port=$2
  cd "$dir"
  (
    umask 077
    {
      printf '{"vhosts":[{"name":"/"}],\n"users":[{"name":"sidecart","password":"%s","tags":"administrator"}],\n' "$(secret "$dir")"
      printf '"permissions":[{"user":"sidecart","vhost":"/","configure":".*","write":".*","read":".*"}],\n'
      definitions /
      printf '}\n'
    } >definitions.json
    cat >rabbitmq.conf <<CONF
listeners.tcp.1 = 127.0.0.1:$port
load_definitions = $dir/definitions.json
log.console = true
log.console.level = warning
log.file = false
CONF
    # After the broker comes back, a sidecar with several subscriptions can leave consumers behind that
    # hold messages and answer nothing (see tools/README.md). Who holds a message for a minute loses its
    # channel, and subscribes anew; all it held comes again.
    printf '[{rabbit, [{consumer_timeout, 60000}, {channel_tick_interval, 15000}]}].\n' >advanced.config
    printf '[].\n' >plugins
  )
  # Debian's wrapper wants to be another user; the programs themselves do not care. Its own name
  # service, in place of one that all Erlang programs share and that outlives them.
  export HOME=$dir ERL_EPMD_ADDRESS=127.0.0.1 ERL_EPMD_PORT=$((port + 1)) RABBITMQ_DIST_PORT=$((port + 2))
  export RABBITMQ_NODENAME=sidecart@localhost RABBITMQ_MNESIA_BASE=$dir/data RABBITMQ_LOG_BASE=$dir RABBITMQ_CONF_ENV_FILE=/dev/null
  export RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf RABBITMQ_ADVANCED_CONFIG_FILE=$dir/advanced.config RABBITMQ_ENABLED_PLUGINS_FILE=$dir/plugins
  export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1}'
  export RUNNING_UNDER_SYSTEMD=yes # become the server instead of watching over it
  setpriv --pdeathsig=KILL epmd &
  exec "$(server)"
}

server() { if [ -x /usr/lib/rabbitmq/bin/rabbitmq-server ]; then printf /usr/lib/rabbitmq/bin/rabbitmq-server; else command -v rabbitmq-server; fi; }

prepare() {
  await 80 listening 127.0.0.1 "$2" || fail "no answer on 127.0.0.1:$2 within 80 s; its log is in $1"
  printf 'rabbitmq-url=amqp://sidecart:%s@127.0.0.1:%s/\n' "$(secret "$1")" "$2"
}

up() {
  if [ -z "${RABBITMQ_URL:-}" ]; then
    start
    prepare "$data" "$port"
    return
  fi
  [[ $RABBITMQ_URL =~ ^amqps?://([^@/]*@)?([^:/?]+):?([0-9]*)(/.*)?$ ]] ||
    fail "RABBITMQ_URL has to look like amqp://user:password@host:port/vhost"
  listening "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]:-5672}" ||
    fail "no server answers at the address in RABBITMQ_URL: start it, or unset RABBITMQ_URL to have one started here"
  say "Once per server: tools/engines/rabbitmq.sh queues VHOST prints the queues to import into it, without which a service misses what is published before its first start"
  printf 'rabbitmq-url=%s\n' "$RABBITMQ_URL"
}

explain() {
  case $1 in
    *"username or password"*) printf 'RabbitMQ refuses user or password: correct them in RABBITMQ_URL' ;;
    *"no access to this vhost"*) printf 'the vhost in RABBITMQ_URL is not there, or not for that user: rabbitmqctl add_vhost and set_permissions, or name another' ;;
    *PRECONDITION_FAILED*) printf 'a queue or an exchange of ours is there already and of another kind: delete it, or give us a vhost of our own in RABBITMQ_URL' ;;
  esac
}

if [ "${1:-}" = queues ]; then
  printf '{\n'
  definitions "${2:-/}"
  printf '}\n'
  exit
fi
main "$@"
