#!/bin/sh
# What clang-format does not look at.
#   tools/check-style.sh "CORE_DIR..." FILE...
set -eu
export LC_ALL=C.UTF-8
core_dirs=$1
shift
failed=0

complain() {
    echo "$1" >&2
    failed=1
}

if grep -nP '\t|\s+$|.{101}' "$@" /dev/null; then
    complain "^ a tab, a blank at the end of a line, or a line of over 100 columns"
fi

# shellcheck disable=SC2086 # a list of folders
if grep -rnP '#[[:space:]]*include[[:space:]]+[<"](httpd|http_|util_|ap_|mod_(?!dav_multistatus))' $core_dirs; then
    complain "^ these folders do without httpd's headers"
fi

for header in "$@"; do
    case $header in
    *.h) ;;
    *) continue ;;
    esac
    grep -qE '^#ifndef (DMS|MOD_DAV)_[A-Z0-9_]+_H$' "$header" ||
        complain "$header: no include guard like DMS_THING_H"
done
exit $failed
