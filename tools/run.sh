#!/bin/bash
# Serves a folder over WebDAV with a private httpd in the foreground, until Ctrl-C.
#   tools/run.sh MODULE.so [PORT [DIR]]
# All its files are under build/run/PORT; the system's own httpd is not touched.
set -eu
cd "$(dirname "$0")/.."

module=$1
port=${2:-8080}
dir=${3:-}
run=$PWD/build/run/$port
user=www-data
PATH=$PATH:/usr/sbin

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

# Started by root, httpd serves as another user. Can that user read here?
readable() {
    [ "$(id -u)" -ne 0 ] || runuser -u "$user" -- test -r "$1" -a -x "$1"
}

writable() {
    [ "$(id -u)" -ne 0 ] || runuser -u "$user" -- test -w "$1"
}

listening() {
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null
}

# A little of everything that a listing may show.
make_sample() {
    mkdir -p "$1/folder"
    echo 'Hello, WebDAV.' >"$1/hello.txt"
    echo '<!DOCTYPE html><title>A page</title><p>A page.' >"$1/page.html"
    echo 'A name with a space, and beyond ASCII.' >"$1/Grüße aus Köln.txt"
    echo 'One level down.' >"$1/folder/below.txt"
    chmod -R u=rwX,go=rX "$1"
    [ "$(id -u)" -ne 0 ] || chown -R "$user:" "$1"
}

# Quoted for httpd.conf.
quoted() {
    local text=${1//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

configuration() {
    cat <<CONF
ServerName 127.0.0.1
Listen 127.0.0.1:$port
PidFile $(quoted "$run/httpd.pid")
ErrorLog $(quoted "$run/error.log")
DefaultRuntimeDir $(quoted "$run")
$([ "$(id -u)" -ne 0 ] || printf 'User %s\nGroup %s\n' "$user" "$user")

LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule mime_module $modules/mod_mime.so
LoadModule dir_module $modules/mod_dir.so
LoadModule autoindex_module $modules/mod_autoindex.so
LoadModule dav_multistatus_module $(quoted "$module")
TypesConfig /etc/mime.types

DavMultistatusStore sqlite3 $(quoted "$state/store.db")
DocumentRoot $(quoted "$dir")
<Directory $(quoted "$dir")>
    Options Indexes FollowSymLinks
    Require all granted
</Directory>
<Location "/">
    DavMultistatus On
    DirectoryIndex disabled
    IndexOptions FancyIndexing SuppressIcon NameWidth=* Charset=UTF-8
</Location>
CONF
}

modules=$(apxs -q LIBEXECDIR)
mkdir -p "$run"

if [ -z "$dir" ]; then
    dir=$PWD/build/sample
    make_sample "$dir"
    if ! readable "$dir"; then
        # A clone below /root, which is root's alone.
        dir=$(mktemp -d /tmp/mod_dav_multistatus-sample.XXXXXX)
        sample=$dir
        make_sample "$dir"
    fi
fi
state=$run/state
if ! readable "$run"; then
    temporary_state=$(mktemp -d /tmp/mod_dav_multistatus-state.XXXXXX)
    chmod 755 "$temporary_state"
    state=$temporary_state/state
fi
[ -d "$dir" ] || die "DIR=$dir is not a folder."
dir=$(realpath "$dir")
readable "$dir" || die "DIR=$dir can't be read by $user, the user that httpd serves as when root" \
    "starts it. Let it in (chmod o+rx, on each folder down to this one), or run as the user" \
    "who owns the folder."
! listening || die "Port $port is taken: something answers on 127.0.0.1:$port already." \
    "Choose another: make run PORT=8081"

httpd=
stop() {
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$httpd" ]; then
        kill "$httpd" 2>/dev/null || true
        wait "$httpd" 2>/dev/null || true
        echo "Stopped."
    fi
    rm -rf ${sample:+"$sample"} ${temporary_state:+"$temporary_state"}
}
trap stop EXIT
trap 'exit 0' INT TERM HUP

configuration >"$run/httpd.conf"
: >"$run/error.log"
rm -f "$run/httpd.pid"
# Its own session, so that a Ctrl-C reaches this script alone, which then stops httpd in order.
# Should the script be killed outright, the kernel sends httpd the TERM.
setsid setpriv --pdeathsig TERM apache2 -DFOREGROUND -d "$run" -f "$run/httpd.conf" &
httpd=$!
until listening; do
    kill -0 "$httpd" 2>/dev/null || die "httpd did not start:" "$(cat "$run/error.log")"
    sleep 0.05
done

url=http://127.0.0.1:$port/
cat <<TEXT
# --- $run/httpd.conf ---
$(cat "$run/httpd.conf")
# --- logs: $run/error.log ---

Serving $dir at $url$(writable "$dir" || echo ' (read-only: '"$user"' may not write there)')

    curl -X PROPFIND -H 'Depth: 1' $url
    curl -T /etc/hostname ${url}new.txt

Ctrl-C stops it.
TEXT
wait "$httpd" && status=0 || status=$?
die "httpd ended by itself (status $status):" "$(tail -n 20 "$run/error.log")"
