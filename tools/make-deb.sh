#!/bin/sh
# Builds Debian packages of this tree, as it is, in build/deb, and has lintian look at them.
set -eu
cd "$(dirname "$0")/.."

version=$(dpkg-parsechangelog --show-field Version)
upstream=${version%-*}
name=mod-dav-multistatus
deb=build/deb

rm -rf --one-file-system "$deb"
mkdir -p "$deb/$name-$upstream"
tar -c --exclude=./build --exclude=./.git --exclude=./.ci --exclude=__pycache__ . | tar -x -C "$deb/$name-$upstream"
tar -C "$deb" -cz --exclude="$name-$upstream/debian" -f "$deb/${name}_$upstream.orig.tar.gz" "$name-$upstream"

(cd "$deb/$name-$upstream" && dpkg-buildpackage --unsigned-source --unsigned-changes) >"$deb/log" 2>&1 || {
    tail -n 60 "$deb/log"
    exit 1
}
# Releases differ over what is the newest policy.
lintian --allow-root --profile debian --pedantic --display-info --fail-on error,warning,info,pedantic \
    --suppress-tags newer-standards-version,out-of-date-standards-version "$deb"/*.changes
ls "$deb"/*.deb
