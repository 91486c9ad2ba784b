#!/bin/sh
# Installs those of the named Debian packages that are missing. Nothing missing: silent and cheap.
#   tools/install-packages.sh PACKAGE...
set -eu

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: install the counterparts of: $*" >&2
    exit 0
fi

have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null || true)
missing=
for package in "$@"; do
    case "
$have
" in
    *"
installed $package
"*) ;;
    *) missing="$missing $package" ;;
    esac
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Missing packages, and neither root nor sudo to install them:$missing" >&2
        exit 1
    fi
    sudo=sudo
fi

echo "Installing:$missing"
# Some packages start a server as soon as they are installed: not here, and not at the next boot
# either. Debian's own way to say so, unless this machine has an answer of its own already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap '$sudo rm -f "$policy"' EXIT
    trap 'exit 1' INT TERM HUP
    printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
    $sudo chmod 755 "$policy"
fi

# env, since sudo would not let a variable through.
$sudo apt-get -qq update
# shellcheck disable=SC2086 # a list of words
$sudo env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install $missing >/dev/null
for package in $missing; do
    [ ! -e "/etc/init.d/$package" ] || $sudo update-rc.d "$package" disable >/dev/null
done
