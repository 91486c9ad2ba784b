# What test-releases.sh and test-package.sh share, which source it: chroots of releases of Debian and
# Ubuntu, in build/releases. Each is made once and stays until "make clean"; its logs are beside it, in
# build/releases/logs.
# shellcheck shell=bash

releases=$PWD/build/releases
logs=$releases/logs
tester=tester

die() {
    echo "$*" >&2
    exit 1
}

# Runs a script again, for each of some releases: tools/SCRIPT --inside RELEASE. Each in namespaces of
# its own: its mounts, and whatever is still running then, end with the script, however it ends, and
# nobody else sees them ("make clean" from elsewhere removes no more than files). Fails if one does.
in_releases() {
    local script=$1 name failed=0
    shift

    [ "$(id -u)" -eq 0 ] || die "Making and entering a chroot takes root"
    command -v debootstrap >/dev/null || die "debootstrap is not installed"
    mkdir -p "$logs"
    for name in "$@"; do
        unshare --mount --propagation private --pid --fork --kill-child "$script" --inside "$name" || failed=1
    done
    return "$failed"
}

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
