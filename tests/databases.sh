#!/usr/bin/env bash
# Finds or starts the database servers that the suite runs on, and prints the variables that say where they are.
#
#   eval "$(tests/databases.sh up)"      servers that run on their standard ports, or throwaway ones
#   tests/databases.sh down              stops what `up` started
#
# PostgreSQL and MariaDB are started from installed binaries in a folder of their own, below ORM_TEST_DATABASES or else the
# folder for temporary files; as root, Debian's packages are installed where there are none. MySQL's own server is started
# where it is installed.
set -euo pipefail

folder="${ORM_TEST_DATABASES:-${TMPDIR:-/tmp}/orm-test-databases}"
postgres_folder="$folder/postgres"

say() { printf '%s\n' "$*" >&2; }

# The folder with initdb and pg_ctl, if there is one.
postgres_binaries() {
    if command -v initdb >/dev/null 2>&1; then
        dirname "$(command -v initdb)"
        return
    fi
    local found
    found=$(find /usr/lib/postgresql -name initdb 2>/dev/null | sort -V | tail -n 1)
    [ -z "$found" ] || dirname "$found"
}

# Servers do not run as root.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        su "$1" -s /bin/bash -c "$2"
    else
        bash -c "$2"
    fi
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Waits until a server listens on a port, or has ended.
wait_for() {
    local port=$1 process=$2
    for _ in $(seq 120); do
        ! listens "$port" || return 0
        kill -0 "$process" 2>/dev/null || return 1
        sleep 0.5
    done
    return 1
}

install_package() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || return 1
    say "$1: installing Debian's package"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q "$1" >&2
}

up_postgres() {
    if [ -n "${ORM_TEST_POSTGRES_URL:-}" ]; then
        printf 'export ORM_TEST_POSTGRES_URL=%q\n' "$ORM_TEST_POSTGRES_URL"
        return
    fi
    if listens 5432; then
        say "PostgreSQL: the server on port 5432"
        printf 'export ORM_TEST_POSTGRES_URL=%q\n' "postgres://postgres@127.0.0.1:5432/postgres"
        return
    fi
    local binaries port=54329
    binaries=$(postgres_binaries)
    if [ -z "$binaries" ] && install_package postgresql; then
        binaries=$(postgres_binaries)
    fi
    if [ -z "$binaries" ]; then
        say "PostgreSQL: not installed; install it, or set ORM_TEST_POSTGRES_URL"
        return
    fi
    if ! listens "$port"; then
        mkdir -p "$postgres_folder"
        [ "$(id -u)" != 0 ] || chown postgres "$postgres_folder"
        as_user postgres "'$binaries/initdb' --auth trust --username postgres --encoding UTF8 -D '$postgres_folder/data'" >&2
        as_user postgres "'$binaries/pg_ctl' start --wait -D '$postgres_folder/data' -l '$postgres_folder/log' \
            -o \"-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off\"" >&2
    fi
    say "PostgreSQL: a throwaway server on port $port"
    printf 'export ORM_TEST_POSTGRES_URL=%q\n' "postgres://postgres@127.0.0.1:$port/postgres"
}

down_postgres() {
    [ -d "$postgres_folder/data" ] || return 0
    as_user postgres "'$(postgres_binaries)/pg_ctl' stop --wait --mode fast -D '$postgres_folder/data'" >&2 || true
    rm -rf "$postgres_folder"
}

# Where the files of a server are that makes one for each table. In memory where there is room: that takes a twentieth of the
# time.
files_folder() {
    local room
    room=$(df --output=avail -k /dev/shm 2>/dev/null | tail -n 1 | tr -d ' ') || room=0
    if [ -z "${ORM_TEST_DATABASES:-}" ] && [ -w /dev/shm ] && [ "${room:-0}" -gt 1500000 ]; then
        printf '%s' "/dev/shm/orm-test-databases-$(id -u)/$1"
    else
        printf '%s' "$folder/$1"
    fi
}

# Nothing of a throwaway server has to outlive a loss of power.
relaxed=(--innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --skip-log-bin --max-connections=300)

# Starts a server of the MySQL family: name, port, binary, the user that it runs as, and its own options.
start_family() {
    local name=$1 port=$2 binary=$3 user=$4 place options
    shift 4
    place=$(files_folder "$name")
    options=$(printf ' %q' "${relaxed[@]}" "$@")
    as_user "$user" "nohup '$binary' --no-defaults --datadir='$place/data' --port=$port --bind-address=127.0.0.1 \
        --socket='$place/socket' --pid-file='$place/pid'$options >'$place/log' 2>&1 & echo \$! >'$place/process'"
    wait_for "$port" "$(cat "$place/process")" || { tail -n 20 "$place/log" >&2; return 1; }
}

# A folder that a server may write to, and nothing in it.
empty_folder() {
    rm -rf "$1"
    mkdir -p "$1"
    [ "$(id -u)" != 0 ] || chown "$2" "$1" "$(dirname "$1")"
}

down_family() {
    local place process
    place=$(files_folder "$1")
    [ -d "$place" ] || return 0
    process=$(cat "$place/process" 2>/dev/null || true)
    if [ -n "$process" ] && kill "$process" 2>/dev/null; then
        for _ in $(seq 120); do
            kill -0 "$process" 2>/dev/null || break
            sleep 0.25
        done
    fi
    rm -rf "$place"
}

mariadb_server() { command -v mariadbd 2>/dev/null || ls /usr/sbin/mariadbd 2>/dev/null || true; }

up_mariadb() {
    if [ -n "${ORM_TEST_MARIADB_URL:-}" ]; then
        printf 'export ORM_TEST_MARIADB_URL=%q\n' "$ORM_TEST_MARIADB_URL"
        return
    fi
    local server port=33061 place user
    server=$(mariadb_server)
    if [ -z "$server" ] && ! listens 3306 && install_package mariadb-server; then
        server=$(mariadb_server)
    fi
    user=$(id -un)
    [ "$user" != root ] || user=mysql
    place=$(files_folder mariadb)
    # One that runs already is not set for tests and takes ten times as long, so that it is the second choice.
    if [ -n "$server" ] && command -v mariadb-install-db >/dev/null 2>&1; then
        if listens "$port" && [ -f "$place/process" ]; then
            say "MariaDB: the throwaway server on port $port"
        else
            empty_folder "$place" "$user"
            mariadb-install-db --no-defaults --user="$user" --datadir="$place/data" \
                --auth-root-authentication-method=normal --skip-test-db >"$place/install.log" 2>&1
            start_family mariadb "$port" "$server" "$user" --innodb-flush-method=nosync --sync-frm=0
            say "MariaDB: a throwaway server on port $port"
        fi
        printf 'export ORM_TEST_MARIADB_URL=%q\n' "mysql://root@127.0.0.1:$port/mysql"
    elif listens 3306; then
        say "MariaDB: the server on port 3306"
        printf 'export ORM_TEST_MARIADB_URL=%q\n' "mysql://root@127.0.0.1:3306/mysql"
    else
        say "MariaDB: not installed; install it, or set ORM_TEST_MARIADB_URL"
    fi
}

# MySQL's own server; MariaDB comes with a binary of the same name.
mysql_server() {
    local found
    for found in $(command -v mysqld 2>/dev/null) /usr/sbin/mysqld /opt/mysql/bin/mysqld /usr/local/mysql/bin/mysqld; do
        if [ -x "$found" ] && ! "$found" --version 2>/dev/null | grep -qi mariadb; then
            printf '%s' "$found"
            return
        fi
    done
}

up_mysql() {
    if [ -n "${ORM_TEST_MYSQL_URL:-}" ]; then
        printf 'export ORM_TEST_MYSQL_URL=%q\n' "$ORM_TEST_MYSQL_URL"
        return
    fi
    local server port=33081 place user
    server=$(mysql_server)
    if [ -z "$server" ]; then
        say "MySQL: not installed, so left out; CONTRIBUTING.md says how to get it"
        return
    fi
    user=$(id -un)
    [ "$user" != root ] || user=mysql
    place=$(files_folder mysql)
    if listens "$port" && [ -f "$place/process" ]; then
        say "MySQL: the throwaway server on port $port"
    else
        empty_folder "$place" "$user"
        as_user "$user" "'$server' --no-defaults --initialize-insecure --datadir='$place/data'" >"$place/install.log" 2>&1
        start_family mysql "$port" "$server" "$user" --mysqlx=OFF --innodb-flush-method=nosync
        say "MySQL: a throwaway server on port $port"
    fi
    printf 'export ORM_TEST_MYSQL_URL=%q\n' "mysql://root@127.0.0.1:$port/mysql"
}

case "${1:-}" in
    up)
        up_postgres
        up_mariadb
        up_mysql
        ;;
    down)
        down_postgres
        down_family mariadb
        down_family mysql
        ;;
    *)
        say "usage: $0 up|down"
        exit 2
        ;;
esac
