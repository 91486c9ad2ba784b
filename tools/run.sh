#!/bin/bash
# Serves a folder over WebDAV with a private httpd in the foreground, until Ctrl-C, and shows each
# request as a line: its status, method, path, how many members the answer told of, and its time.
#   tools/run.sh MODULE.so [PORT [DIR]]
# In the environment: LOGIN=user:password, who alone is let in; READONLY=1; BIND=, the address to
# listen on (127.0.0.1). All its files are under build/run/PORT, or, where this user can't have
# that, in a folder of its own that is removed at the end; the system's own httpd is not touched.
set -eu
cd "$(dirname "$0")/.."

module=$1
port=${2:-8080}
dir=${3:-}
login=${LOGIN:-}
readonly=${READONLY:-}
bind=${BIND:-127.0.0.1}
PATH=$PATH:/usr/sbin
temporary=()
# Started by root, httpd serves as another user.
user=www-data
[ "$(id -u)" -eq 0 ] || user=$(id -un)

die() {
    printf '%s\n' "$@" >&2
    exit 1
}

as_user() {
    if [ "$(id -u)" -eq 0 ]; then
        runuser -u "$user" -- "$@"
    else
        "$@"
    fi
}

readable() {
    as_user test -r "$1" -a -x "$1"
}

writable() {
    as_user test -w "$1" -a -x "$1"
}

# Where to ask whether anything listens: an address for all is also this machine's own.
case $bind in
0.0.0.0 | '*') own=127.0.0.1 ;;
:: | '[::]') own=::1 ;;
*) own=${bind#\[} own=${own%\]} ;;
esac
case $own in
*:*) host=[$own] ;;
*) host=$own ;;
esac
case $bind in
*:*) bind=[${bind#\[} bind=${bind%\]}] ;;
esac

listening() {
    (exec 3<>"/dev/tcp/$own/$port") 2>/dev/null
}

# Makes a folder that goes when this script ends: the variable that is named gets its name.
make_temporary() {
    local made

    made=$(mktemp -d "/tmp/mod_dav_multistatus-$1.XXXXXX")
    chmod 755 "$made"
    temporary+=("$made")
    printf -v "$1" %s "$made"
}

# What is the server's user's: made for it, or made by it before. One that somebody else has made,
# in a clone that several use, is none.
is_own() {
    [ -d "$1" ] || mkdir -p "$1" 2>/dev/null || return
    [ "$(id -u)" -ne 0 ] || [ "$(stat -c %U "$1")" != root ] || chown "$user:" "$1"
    readable "$1" && writable "$1"
}

# A little of everything that a listing may show.
make_sample() {
    mkdir -p "$1/folder" &&
        echo 'Hello, WebDAV.' >"$1/hello.txt" &&
        echo '<!DOCTYPE html><title>A page</title><p>A page.' >"$1/page.html" &&
        echo 'A name with a space, and beyond ASCII.' >"$1/Grüße aus Köln.txt" &&
        echo 'One level down.' >"$1/folder/below.txt" &&
        chmod -R u=rwX,go=rX "$1" || return
    [ "$(id -u)" -ne 0 ] || chown -R "$user:" "$1"
}

# Quoted for httpd.conf, where ${NAME} stands for something else, also in quotes.
quoted() {
    local text=${1//\\/\\\\}

    text=${text//\"/\\\"}
    printf '"%s"' "${text//'${'/'${DOLLAR}{'}"
}

# One line of an AuthUserFile, with what every system has to make it.
user_line() {
    local digest

    digest=$(printf %s "${login#*:}" | sha1sum | sed 's/ .*//; s/../\\x&/g')
    printf '%s:{SHA}%s\n' "${login%%:*}" "$(printf %b "$digest" | base64)"
}

load() {
    local name

    for name; do # what is no file is built into httpd
        [ ! -e "$modules/mod_$name.so" ] || echo "LoadModule ${name}_module $modules/mod_$name.so"
    done
}

# Who may do what: in a <Directory>, so that what .htaccess and <Files> deny stays denied; in that
# of all, since the name of one would be a pattern, which "a [1]" does not match.
rules() {
    local read='Require method GET HEAD OPTIONS PROPFIND'

    if [ -z "$login" ]; then
        read=${readonly:+$read}
        echo "    ${read:-Require all granted}"
        return
    fi
    cat <<CONF
    AuthType Basic
    AuthName "WebDAV"
    AuthBasicProvider file
    AuthUserFile $(quoted "$state/users")
    <RequireAll>
        Require valid-user
        ${readonly:+$read}
    </RequireAll>
CONF
}

configuration() {
    cat <<CONF
Define DOLLAR $
ServerName localhost
Listen $bind:$port
PidFile $(quoted "$run/httpd.pid")
ErrorLog $(quoted "$run/error.log")
DefaultRuntimeDir $(quoted "$run")
$([ "$(id -u)" -ne 0 ] || printf 'User %s\nGroup %s\n' "$user" "$user")

$(load mpm_event unixd log_config authn_core authn_file authz_core authz_user auth_basic mime dir autoindex)
LoadModule dav_multistatus_module $(quoted "$module")
$([ ! -e /etc/mime.types ] || echo TypesConfig /etc/mime.types)

LogFormat "%>s %m %U, %{dav-multistatus-responses}n members, %D µs" line
CustomLog "|/bin/sed -u 's/, - members//'" line

DavMultistatusStore sqlite3 $(quoted "$state/store.db")
DocumentRoot $(quoted "$dir")
<Directory "/">
    Options Indexes FollowSymLinks
$(rules)
</Directory>
<FilesMatch "^\.ht">
    Require all denied
</FilesMatch>
<Location "/">
    DavMultistatus On
    LimitRequestBody 0
    DirectoryIndex disabled
    IndexOptions FancyIndexing SuppressIcon NameWidth=* Charset=UTF-8
</Location>
CONF
}

httpd=
stop() {
    trap - EXIT
    trap '' INT TERM HUP
    if [ -n "$httpd" ]; then
        kill "$httpd" 2>/dev/null || true
        wait "$httpd" 2>/dev/null || true
        echo "Stopped."
    fi
    [ ${#temporary[@]} -eq 0 ] || rm -rf "${temporary[@]}"
}
trap stop EXIT
trap 'exit 0' INT TERM HUP

[[ $port =~ ^[0-9]{1,5}$ ]] && ((10#$port > 0 && 10#$port < 65536)) || die "PORT=$port is no number from 1 to 65535."
[ -z "$login" ] || [[ $login == ?*:?* ]] || die "LOGIN=$login is not user:password."
[ "$readonly" != 0 ] || readonly=
modules=$(apxs -q LIBEXECDIR)

# Who has built this, or run it before, may have been another user.
run=$PWD/build/run/$port
if ! mkdir -p "$run" 2>/dev/null || ! [ -w "$run" ] || { [ -e "$run/error.log" ] && ! [ -w "$run/error.log" ]; }; then
    make_temporary run
fi
state=$run/state
readable "$run" && is_own "$state" || make_temporary state
is_own "$state" || die "$state, for properties and locks, can't be written by $user."

if [ -z "$dir" ]; then
    dir=$PWD/build/sample
    # It is another user's, or in a clone below /root, which is root's alone.
    make_sample "$dir" 2>/dev/null && readable "$dir" && writable "$dir" || {
        make_temporary dir
        make_sample "$dir"
    }
fi
[ -d "$dir" ] || die "DIR=$dir is not a folder."
dir=$(realpath "$dir")
readable "$dir" || die "DIR=$dir can't be read by $user, the user that httpd serves as$(
    [ "$(id -u)" -ne 0 ] || echo ' when root starts it'
)." "Let it in (chmod o+rx, on each folder down to this one), or run as the user who owns the folder."
! listening || die "Port $port is taken: something answers on $host:$port already." \
    "Choose another: make run PORT=8081"

if [ -n "$login" ]; then
    rm -f "$state/users"
    (umask 077 && user_line >"$state/users")
    [ "$(id -u)" -ne 0 ] || chown "$user:" "$state/users"
fi
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

# The URLs by which others on the network find this machine, where it listens on all its addresses.
urls_of_all() {
    local address

    for address in $(hostname -I 2>/dev/null || true); do
        case $bind$address in
        0.0.0.0*:*) ;; # IPv6
        0.0.0.0* | '*'*.*.*.* | '[::]'*.*.*.*) printf '\n    http://%s:%s/' "$address" "$port" ;;
        '*'* | '[::]'*) printf '\n    http://[%s]:%s/' "$address" "$port" ;;
        esac
    done
}

# What can't be done, and why, before somebody tries it.
remarks() {
    if [ -n "$readonly" ]; then
        printf ' (read-only)'
    elif ! writable "$dir"; then
        printf ' (read-only: %s may not write there)' "$user"
    fi
    case $bind in
    127.* | localhost | '[::1]') ;;
    *) printf '\n%s' "$(
        if [ -n "$login" ]; then
            echo "Others on the network can read the password on its way: this is no TLS."
        else
            echo "Everybody on the network is let in: LOGIN=user:password asks for a password."
        fi
    )" ;;
    esac
}

upload() {
    if [ -z "$readonly" ] && writable "$dir"; then
        printf '\n    %s-T /etc/hostname %snew.txt' "$curl" "$url"
    fi
}

url=http://$host:$port/
curl="curl ${login:+-u $(printf %q "$login") }"
cat <<TEXT
# --- $run/httpd.conf ---
$(cat "$run/httpd.conf")
# --- logs: $run/error.log ---

Serving $dir at $url$(remarks)$(urls_of_all)

    $curl-X PROPFIND -H 'Depth: 1' $url$(upload)

Ctrl-C stops it.
TEXT
wait "$httpd" && status=0 || status=$?
die "httpd ended by itself (status $status):" "$(tail -n 20 "$run/error.log")"
