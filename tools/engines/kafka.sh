#!/usr/bin/env bash
# Kafka in KRaft mode, a single node. KAFKA_BROKERS=host:port,... names brokers that run already, with
# KAFKA_USER and KAFKA_PASSWORD (SASL/PLAIN) or without; they have to create topics by themselves, or
# have those of components/subscriptions.yaml. KAFKA_PARTITIONS is how many partitions a topic is given
# when it is made here. As many as a service has replicas, no more: a sidecar that has two partitions to
# read makes its batches small and serves them in turns (pubsub.kafka takes one lock to add a message to a
# batch and to deliver one). Measured with one replica: 1 partition 69 checkouts/s, 2 40, 6 10 to 18. See engine.sh.
name=kafka
. "$(dirname "${BASH_SOURCE[0]}")/engine.sh"
port=19092

version=$(sed -n '/kafka_2/{n;s/.*<version>\(.*\)<.*/\1/p;}' "$here/kafka/pom.xml")
jars=${XDG_CACHE_HOME:-$HOME/.cache}/sidecart/kafka-$version

install() {
  local major
  major=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || true
  [ "${major:-0}" -ge 17 ] || debian default-jre-headless
  [ -e "$jars" ] && return
  command -v mvn >/dev/null || debian maven
  say "Fetching Kafka $version with Maven: once"
  local part=$jars.$$
  mvn -B -q -f "$here/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$part" >&2 ||
    { rm -rf "$part"; fail "Maven could not fetch it (see above): give it a network, or name running brokers in KAFKA_BROKERS"; }
  mv -T "$part" "$jars" 2>/dev/null || rm -rf "$part" # somebody else was faster
}

# Quick to start rather than to run for weeks.
java=(java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=warn
  -Dorg.slf4j.simpleLogger.showDateTime=true -cp "$jars/*")

serve() {
  local dir=$1 port=$2 password
  cd "$dir"
  password=$(secret "$dir")
  # flush.interval 1: an acknowledged message is on the disk, as there is no second replica that has it.
  # session.timeout: for so long the node is refused by itself, after it was killed.
  # retention -1: nothing is deleted before it was read; delete the folder to be rid of it.
  (umask 077 && cat >server.properties <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$((port + 1))
listeners=SASL_PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$((port + 1))
advertised.listeners=SASL_PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=SASL_PLAINTEXT
sasl.enabled.mechanisms=PLAIN
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="sidecart" password="$password" user_sidecart="$password";
log.dirs=$dir/data
num.partitions=${KAFKA_PARTITIONS:-1}
auto.create.topics.enable=true
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.flush.interval.messages=1
log.retention.ms=-1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
PROPERTIES
  )
  if [ ! -e data/meta.properties ]; then
    "${java[@]}" kafka.tools.StorageTool format -c server.properties -t "$(head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c 1-22)"
  fi
  exec "${java[@]}" kafka.Kafka server.properties
}

credentials() { printf 'kafka-brokers=%s\nkafka-auth=%s\nkafka-username=%s\nkafka-password=%s\n' "$@"; }

prepare() {
  await 20 listening 127.0.0.1 "$2" || fail "no answer on 127.0.0.1:$2 within 20 s; its log is in $1"
  credentials "127.0.0.1:$2" password sidecart "$(secret "$1")"
}

up() {
  if [ -z "${KAFKA_BROKERS:-}" ]; then
    start
    prepare "$data" "$port"
    return
  fi
  local broker
  for broker in ${KAFKA_BROKERS//,/ }; do
    if listening "${broker%:*}" "${broker##*:}"; then
      if [ -n "${KAFKA_USER:-}" ]; then
        credentials "$KAFKA_BROKERS" password "$KAFKA_USER" "${KAFKA_PASSWORD:-}"
      else
        credentials "$KAFKA_BROKERS" none none none
      fi
      return
    fi
  done
  fail "no broker answers at $KAFKA_BROKERS (KAFKA_BROKERS): start it, or unset KAFKA_BROKERS to have one started here"
}

explain() {
  case $1 in
    *"SASL Authentication failed"*) printf 'the broker refuses user or password: correct KAFKA_USER and KAFKA_PASSWORD' ;;
    *"available brokers to talk to: EOF"*) printf 'the broker hangs up on us: if it wants a user, set KAFKA_USER and KAFKA_PASSWORD; if it does not, unset them' ;;
    *"available brokers"*) printf 'no broker answers at the address in KAFKA_BROKERS any more: start it' ;;
  esac
}

main "$@"
