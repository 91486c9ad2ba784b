#!/bin/bash
# README's two commands in releases of Debian and Ubuntu, each on a clean copy of this tree: as root,
# as a user without network, and built with clang.
#   tools/test-releases.sh [SUITE-ARCHITECTURE...]
# A release is a chroot in build/releases, which is made once and stays until "make clean". Its logs
# are beside it, in build/releases/logs.
set -eu
cd "$(dirname "$0")/.."

releases=$PWD/build/releases
logs=$releases/logs
table=$logs/table
tester=tester
port=8099

die() {
    echo "$*" >&2
    exit 1
}

[ "$(id -u)" -eq 0 ] || die "Making and entering a chroot takes root: sudo make test-releases"
command -v debootstrap >/dev/null || die "debootstrap is not installed"

# Each release in namespaces of its own: its mounts, and whatever is still running then, end with
# this script, however it ends, and nobody else sees them ("make clean" from elsewhere removes no
# more than files).
if [ "${1:-}" != --inside ]; then
    failed=0
    mkdir -p "$logs"
    printf '%-15s %-13s %-13s %-8s %-7s %-7s %8s %7s %8s\n' release command compiler httpd APR Expat \
        passed failed skipped >"$table"
    for name in "$@"; do
        unshare --mount --propagation private --pid --fork --kill-child \
            tools/test-releases.sh --inside "$name" || failed=1
    done
    cat "$table"
    exit "$failed"
fi
trap 'exit 130' INT TERM HUP
failed=0

# Ubuntu's keys come with Debian 13, so that the chain of signatures begins with Debian's own.
ubuntu_keyring() {
    local debian=$releases/trixie-amd64 keys=usr/share/keyrings/ubuntu-archive-keyring.gpg

    make_chroot trixie-amd64 >&2
    [ -e "$debian/$keys" ] ||
        chroot "$debian" sh -c 'apt-get -qq update && apt-get -qq -y install ubuntu-keyring' >&2
    echo "$debian/$keys"
}

bootstrap() {
    local suite=$1 arch=$2 to=$3

    case $suite in
    noble | plucky | questing)
        debootstrap --variant=minbase --include=make --arch="$arch" --components=main,universe \
            --keyring="$(ubuntu_keyring)" "$suite" "$to" http://archive.ubuntu.com/ubuntu \
            /usr/share/debootstrap/scripts/gutsy
        ;;
    *)
        debootstrap --variant=minbase --include=make --arch="$arch" "$suite" "$to" \
            http://deb.debian.org/debian
        ;;
    esac
}

# Makes the chroot unless it is there.
make_chroot() {
    local name=$1 root=$releases/$1

    if [ ! -d "$root" ]; then
        rm -rf --one-file-system "$root.new"
        echo "$name: debootstrap"
        bootstrap "${name%-*}" "${name##*-}" "$root.new" >"$logs/$name.debootstrap" 2>&1 || return
        # A mirror that stands still is as good as one that does not.
        echo 'Acquire::Check-Valid-Until "false";' >"$root.new/etc/apt/apt.conf.d/90check"
        chroot "$root.new" useradd -m "$tester"
        mv "$root.new" "$root"
    fi
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    ln -sf ../proc/self/mounts "$root/etc/mtab"
}

# What a system has at these places, without the machine's own /dev.
mount_system() {
    local root=$1 node

    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    mount -t tmpfs -o mode=755 dev "$root/dev"
    for node in null zero full random urandom tty fuse; do
        [ ! -e "/dev/$node" ] || cp -a "/dev/$node" "$root/dev"
    done
    mkdir "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$root/dev/pts"
    mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
    ln -s pts/ptmx "$root/dev/ptmx"
    ln -s /proc/self/fd "$root/dev/fd"
}

# A clean copy of the tree, in /home/tester/tree; but what npm has fetched stays, for the run without network.
copy_tree() {
    local to=$1/home/$tester/tree kept=$1/home/$tester/node

    rm -rf --one-file-system "$kept"
    [ ! -d "$to/build/node" ] || mv "$to/build/node" "$kept"
    rm -rf --one-file-system "$to"
    mkdir -p "$to/build"
    tar -c --exclude=./build --exclude=./.git --exclude=__pycache__ . | tar -x -C "$to"
    [ ! -d "$kept" ] || mv "$kept" "$to/build/node"
}

inside() {
    local root=$releases/$1
    shift
    chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        sh -c "cd /home/$tester/tree && exec \"\$@\"" - "$@"
}

# Without network, and without root or sudo.
inside_as_user() {
    local root=$releases/$1
    shift
    chroot "$root" chown -R "$tester:" "/home/$tester"
    unshare --net sh -c 'ip link set lo up && exec "$@"' - chroot --userspec="$tester:$tester" "$root" \
        env -i HOME="/home/$tester" LANG=C.UTF-8 PATH=/usr/bin:/bin sh -c 'cd ~/tree && exec "$@"' - "$@"
}

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
