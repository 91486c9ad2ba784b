#!/bin/bash
# README's two commands in releases of Debian and Ubuntu, each on a clean copy of this tree: as root,
# as a user without network, and built with clang.
#   tools/test-releases.sh [SUITE-ARCHITECTURE...]
set -eu
cd "$(dirname "$0")/.."

# shellcheck source=tools/chroots.sh
. tools/chroots.sh
table=$logs/table
port=8099

if [ "${1:-}" != --inside ]; then
    failed=0
    mkdir -p "$logs"
    printf '%-15s %-13s %-13s %-8s %-7s %-7s %8s %7s %8s\n' release command compiler httpd APR Expat \
        passed failed skipped >"$table"
    in_releases tools/test-releases.sh "$@" || failed=1
    cat "$table"
    exit "$failed"
fi
trap 'exit 130' INT TERM HUP
failed=0

# make run, until it has answered a PROPFIND; then it has to end when it is told to. (curl comes with
# its packages.)
run_answers() {
    # shellcheck disable=SC2016 # of the inner shell
    inside "$1" sh -c '
        ask() {
            curl -s -o /dev/null -w "%{http_code}" -X PROPFIND -H "Depth: 1" "http://127.0.0.1:$1/"
        }
        make run PORT="$1" &
        until [ "$(ask "$1" 2>/dev/null)" = 207 ]; do
            kill -0 $! || exit 1
            sleep 1
        done
        kill $!
        wait $!
        sleep 2
        ! ask "$1"' - "$port"
}

# "passed failed skipped" by what make test has said, "- - -" where nothing was tested.
counts() {
    awk '
        match($0, /Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+/) {
            split(substr($0, RSTART), n, /[^0-9]+/)
            passed += n[2] - n[3] - n[4]
            failed += n[3] + n[4]
        }
        /^=+ .* in [0-9.]+s/ {
            for (i = 2; i <= NF; i++) {
                if ($i ~ /^passed/) passed += $(i - 1)
                if ($i ~ /^(failed|error)/) failed += $(i - 1)
                if ($i ~ /^skipped/) skipped += $(i - 1)
            }
        }
        END {
            if (passed + failed) print passed + 0, failed + 0, skipped + 0
            else print "- - -"
        }' "$1"
}

version() {
    chroot "$releases/$1" dpkg-query -W -f '${Version}' "$2" | sed -E 's/^[0-9]+://; s/[-+~].*//'
}

# One line of the table. What make said is in a log, and counts where it ran the tests.
report() {
    local name=$1 what=$2 compiler=$3 log=$4 status=$5

    # shellcheck disable=SC2046,SC2183 # counts are three words
    printf '%-15s %-13s %-13s %-8s %-7s %-7s %8s %7s %8s  %s\n' "$name" "$what" "$compiler" \
        "$(version "$name" apache2-bin)" "$(version "$name" libapr1-dev)" \
        "$(version "$name" libexpat1-dev)" $(counts "$log") \
        "$([ "$status" -eq 0 ] && echo fine || echo "FAILED: $log")" >>"$table"
    [ "$status" -eq 0 ] || failed=1
}

compiler() {
    echo "$1 $(inside "$2" "$1" --version | grep -m 1 -Eo '[0-9]+\.[0-9.]+' | head -n 1)"
}

# Runs a command into a log, and reports it.
attempt() {
    local name=$1 what=$2 with=$3 log=$logs/$1.${2// /-} status=0
    shift 3

    echo "$name: $what"
    "$@" >"$log" 2>&1 || status=$?
    report "$name" "$what" "$(compiler "$with" "$name")" "$log" "$status"
}

test_release() {
    local name=$1 root=$releases/$1

    if ! make_chroot "$name"; then
        echo "$name: left out, debootstrap can't fetch it (see $logs/$name.debootstrap)" | tee -a "$table"
        return
    fi
    mount_system "$root"
    copy_tree "$root"
    attempt "$name" "make run" gcc run_answers "$name"
    attempt "$name" "make test" gcc inside "$name" make test
    inside "$name" tools/install-packages.sh clang >"$logs/$name.clang" 2>&1
    attempt "$name" "make CC=clang" clang inside "$name" make CC=clang B=build/clang
    copy_tree "$root"
    attempt "$name" "as a user" gcc inside_as_user "$name" make test
}

test_release "$2"
exit "$failed"
