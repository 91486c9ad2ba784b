#!/bin/sh
# The manual page of dav-multistatus, made of its --help, on standard output.
#   tools/make-man.sh PROGRAM
set -eu
cat <<'END'
.TH DAV-MULTISTATUS 8 "" "mod_dav_multistatus" "Apache httpd"
.SH NAME
dav-multistatus \- look after the store of mod_dav_multistatus
END
"$1" --help | awk '
function plain(text) {
    gsub(/\\/, "\\e", text)
    gsub(/-/, "\\-", text)
    return text ~ /^[.\x27]/ ? "\\&" text : text
}
sub(/^Usage: /, "") { print ".SH SYNOPSIS\n.B " plain($0) "\n.SH DESCRIPTION"; next }
/^[A-Z][a-z ]*:$/ { sub(/:$/, ""); print ".SH " toupper($0); skips = 1; next }
/^  [^ ]/ { print ".TP\n.B " plain(substr($0, 3)); skips = 1; next }
/^$/ { if (!skips) print ".PP"; next }
{ sub(/^ +/, ""); print plain($0); skips = 0 }'
cat <<'END'
.SH SEE ALSO
.BR httpd (8),
.BR sqlite3 (1)
END
