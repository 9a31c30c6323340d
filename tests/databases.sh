#!/usr/bin/env bash
# Finds or starts the database servers that the suite runs on, and prints the variables that say where they are.
#
#   eval "$(tests/databases.sh up)"      servers that run on their standard ports, or throwaway ones
#   tests/databases.sh down              stops what `up` started
#
# PostgreSQL is started from installed binaries in a folder of its own, below ORM_TEST_DATABASES or else the folder for
# temporary files; as root, Debian's package is installed where there are none.
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

# PostgreSQL does not run as root.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then
        su postgres -s /bin/bash -c "$1"
    else
        bash -c "$1"
    fi
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

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
    if [ -z "$binaries" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        say "PostgreSQL: installing Debian's package"
        DEBIAN_FRONTEND=noninteractive apt-get install -y -q postgresql >&2
        binaries=$(postgres_binaries)
    fi
    if [ -z "$binaries" ]; then
        say "PostgreSQL: not installed; install it, or set ORM_TEST_POSTGRES_URL"
        return
    fi
    if ! listens "$port"; then
        mkdir -p "$postgres_folder"
        [ "$(id -u)" != 0 ] || chown postgres "$postgres_folder"
        as_postgres "'$binaries/initdb' --auth trust --username postgres --encoding UTF8 -D '$postgres_folder/data'" >&2
        as_postgres "'$binaries/pg_ctl' start --wait -D '$postgres_folder/data' -l '$postgres_folder/log' \
            -o \"-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off\"" >&2
    fi
    say "PostgreSQL: a throwaway server on port $port"
    printf 'export ORM_TEST_POSTGRES_URL=%q\n' "postgres://postgres@127.0.0.1:$port/postgres"
}

down_postgres() {
    [ -d "$postgres_folder/data" ] || return 0
    as_postgres "'$(postgres_binaries)/pg_ctl' stop --wait --mode fast -D '$postgres_folder/data'" >&2 || true
    rm -rf "$postgres_folder"
}

case "${1:-}" in
    up) up_postgres ;;
    down) down_postgres ;;
    *)
        say "usage: $0 up|down"
        exit 2
        ;;
esac
