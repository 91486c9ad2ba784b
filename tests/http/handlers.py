"""All ways in which httpd runs a file for its name, its type or its mode, for a server that may have them all."""

MODULES = ["cgid", "include", "actions", "asis"]
CONF = """ScriptSock "{root}/run/cgid"
<Directory "{root}/srv">
Options ExecCGI Includes Indexes
</Directory>
<FilesMatch "\\.php$">
SetHandler cgi-script
</FilesMatch>
AddHandler cgi-script .cgi
AddHandler server-parsed .parsed
AddHandler send-as-is .asis
AddHandler type-map .var
AddType application/x-httpd-cgi .typed
AddType text/x-acted .acted
Action text/x-acted "/nowhere" virtual
AddHandler acted .handled
Action acted "/nowhere" virtual
AddOutputFilter INCLUDES .shtml
XBitHack on
"""
RUN = ("php", "cgi", "parsed", "asis", "var", "typed", "acted", "handled", "shtml", "html", "cgi.html")


def run(server, url, folder, headers):
    """Puts each kind of file that may be run into a folder; returns those of which GET does not tell the very bytes."""
    text, kinds = b'#!/bin/sh\necho; echo "<!--#echo var=DOCUMENT_URI -->"\n', set()
    for kind in RUN:
        assert server.ask("PUT", f"{url}x.{kind}", headers, text).status == 201
        (folder / f"x.{kind}").chmod(0o755)
        answer = server.get(f"{url}x.{kind}", *headers)
        kinds |= {kind} if (answer.status, answer.body) != (200, text) else set()
    return kinds
