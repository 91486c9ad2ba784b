#!/bin/sh
# In place of Debian's while tools/install-packages.sh installs: links as of a service that is disabled.
[ "${2:-}" != defaults ] || set -- "$1" defaults-disabled
exec /usr/sbin/update-rc.d "$@"
