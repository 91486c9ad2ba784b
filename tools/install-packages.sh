#!/bin/sh
# Installs those of the named Debian packages that are missing. Nothing missing: silent and cheap.
#   tools/install-packages.sh NEEDED... -- WANTED...
# A word "package:command" or "package:header.h" is missing only where that command or header is, too.
# What this release does not have is left out: what needs it says so. Without the right to install,
# it is an error where something that is needed is missing.
# shellcheck disable=SC2046 # lists of words
set -eu

compiler=$(command -v cc || command -v gcc || command -v clang || true)

# Whether what a package is named for, ":command" or ":header.h", is there without it.
# shellcheck disable=SC2086 # flags are words
is_there() {
    case $1 in
    '') return 1 ;;
    *.h) [ -n "$compiler" ] && echo "#include <${1#:}>" | "$compiler" ${CPPFLAGS:-} -E - >/dev/null 2>&1 ;;
    *) command -v "${1#:}" >/dev/null ;;
    esac
}

# Those of the packages that are missing, once each.
missing() {
    names=$(for word in "$@"; do echo "${word%%:*}"; done)
    # shellcheck disable=SC2086 # names are words
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ' $names 2>/dev/null || true)"
    for word in "$@"; do
        package=${word%%:*}
        case $installed in
        *" installed $package "*) ;;
        *) is_there "${word#"$package"}" || echo "$package" ;;
        esac
    done | sort -u
}
# Those of the packages that apt could install, by the lists that it has.
available() {
    apt-cache madison "$@" 2>/dev/null | awk '{ print $1 }' | sort -u
}

needed=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    needed="$needed $1"
    shift
done
[ $# -eq 0 ] || shift

# shellcheck disable=SC2086 # words
needed=$(missing $needed)
set -- $needed $(missing "$@")
[ $# -gt 0 ] || exit 0

# Where nothing can be installed, it matters whether the build can do without: of which packages, and why.
# shellcheck disable=SC2086 # words
give_up() {
    why=$1
    shift
    if [ -z "$needed" ]; then
        echo "Going on without these packages, $why: $*" >&2
        exit 0
    fi
    echo "The build needs these packages, $why:" $needed >&2
    echo "Where all that they have is there otherwise, make PACKAGES=no asks for none." >&2
    exit 1
}

command -v dpkg-query >/dev/null || {
    echo "Not a Debian system, so perhaps missing are the counterparts of:" "$@" >&2
    exit 0
}

have_lists=$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' 2>/dev/null | head -n 1)
if [ -n "$have_lists" ]; then
    set -- $(available "$@")
    [ $# -gt 0 ] || exit 0
fi

sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || give_up "which root or sudo could install" "$@"
    sudo=sudo
fi

$sudo apt-get -qq update || echo "Going on with the lists of packages that are there." >&2
set -- $(available "$@")
[ $# -gt 0 ] || exit 0

# Some packages would start a server as soon as they are installed, and at each boot: tools/no-services
# has them say so to nobody.
echo "Installing: $*"
# env, since sudo would not let a variable through.
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
    -o DPkg::Path="$(cd "$(dirname "$0")" && pwd)/no-services:/usr/sbin:/usr/bin:/sbin:/bin" \
    install "$@" >/dev/null || give_up "which could not be installed" "$@"
