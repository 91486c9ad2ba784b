#!/bin/sh
# Installs those of the named Debian packages that are missing. Nothing missing: silent and cheap.
#   tools/install-packages.sh PACKAGE...
# What this release does not have is left out: what needs it says so.
# shellcheck disable=SC2046 # lists of words
set -eu

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: install the counterparts of: $*" >&2
    exit 0
fi

# Those of the packages that are not installed.
missing() {
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package} ' "$@" 2>/dev/null || true)"
    for package in "$@"; do
        case $installed in
        *" installed $package "*) ;;
        *) echo "$package" ;;
        esac
    done
}

# Those of the packages that apt could install, by the lists that it has.
available() {
    apt-cache madison "$@" 2>/dev/null | awk '{ print $1 }' | sort -u
}

set -- $(missing "$@")
[ $# -gt 0 ] || exit 0

have_lists=$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' 2>/dev/null | head -n 1)
[ -z "$have_lists" ] || set -- $(available "$@")
[ $# -gt 0 ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing packages, and neither root nor sudo to install them: $*" >&2
        # Without apt's lists nobody knows whether this release has them.
        [ -z "$have_lists" ] && exit 0 || exit 1
    fi
    sudo=sudo
fi

# env, since sudo would not let a variable through.
$sudo apt-get -qq update || echo "Going on with the lists of packages that are there." >&2
set -- $(available "$@")
[ $# -gt 0 ] || exit 0

echo "Installing: $*"
# Some packages start a server as soon as they are installed: not here, and not at the next boot
# either. Debian's own way to say so, unless this machine has an answer of its own already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$sudo rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
fi

$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "$@" >/dev/null
for package in "$@"; do
    [ ! -e "/etc/init.d/$package" ] || $sudo update-rc.d "$package" disable >/dev/null
done
