"""Directives: where they hold, what they refuse, and life with mod_dav, virtual hosts and restarts."""

import pytest

from harness import RESOURCETYPE, Server, StartError


def start_error(**kw):
    """What httpd says when it refuses to start; a failure where it starts."""
    server = Server(**kw)
    try:
        server.start()
    except StartError as e:
        return e.text
    server.stop()
    server.remove()
    raise AssertionError("httpd has started")


# -- with mod_dav

BOTH = {
    "one section": '<Location "/x">\nDav On\nDavMultistatus On\n</Location>',
    "one section, the other way": '<Location "/x">\nDavMultistatus On\nDav On\n</Location>',
    "two sections": '<Location "/x">\nDav On\n</Location>\n<Location "/x">\nDavMultistatus On\n</Location>',
    "inherited": '<Location "/x">\nDav On\n</Location>\n<Location "/x/y">\nDavMultistatus On\n</Location>',
    "inherited, the other way": '<Location "/x">\nDavMultistatus On\n</Location>\n<Location "/x/y">\nDav On\n</Location>',
    "in a virtual host": '<VirtualHost *:{port}>\n<Location "/x">\nDav On\nDavMultistatus On\n</Location>\n</VirtualHost>',
}


@pytest.mark.parametrize("conf", BOTH.values(), ids=BOTH.keys())
def test_dav_on_and_davmultistatus_on_for_one_place_is_refused(conf):
    text = start_error(modules=["dav", "dav_fs"], conf="DavLockDB {root}/run/lock\n" + conf)
    assert any("DavMultistatus" in line and "Dav " in line.replace("'", " ").replace('"', " ")
               for line in text.splitlines()), text


def test_each_has_its_own_place(httpd):
    place = httpd(modules=["dav", "dav_fs"], conf="""
        DavLockDB {root}/run/lock
        <Location "/plain/">
            Dav On
        </Location>
        <Location "/dav/old/">
            DavMultistatus Off
            Dav On
        </Location>""")
    place.file("old/a.txt")
    assert place.list("0")[0].is_collection
    for url in ("/plain/", "/dav/old/"):
        answer = place.server.try_propfind(url, "0")
        assert answer.status == 207
        assert b"supportedlock" in answer.body, "mod_dav answers this one"


# -- values that are refused


@pytest.mark.parametrize("line", [
    "DavMultistatus", "DavMultistatus no-such-provider", "DavMultistatus On Off",
    "DavMultistatusDepthInfinity", "DavMultistatusDepthInfinity Perhaps",
    "DavMultistatusMaxResponses", "DavMultistatusMaxResponses -1", "DavMultistatusMaxResponses ten",
    "DavMultistatusMaxResponses 1x", "DavMultistatusMaxResponses 1 2", 'DavMultistatusMaxResponses ""',
    "DavMultistatusMaxResponses 99999999999999999999999", "DavMultistatusNoSuch On"])
def test_a_bad_value_is_refused_by_the_name_of_its_directive(line):
    text = start_error(conf=f'<Location "/x">\n{line}\n</Location>')
    assert line.split()[0] in text


# -- where it holds


def is_on(place, name=""):
    answer = place.ask("OPTIONS", name)
    on = answer.get("DAV") is not None
    assert (place.try_propfind(name, "0").status == 207) == on
    return on


def test_off_in_a_deeper_location_turns_it_off(httpd):
    place = httpd(conf='<Location "/dav/off/">\nDavMultistatus Off\n</Location>\n'
                       '<Location "/dav/off/on/">\nDavMultistatus On\n</Location>')
    place.file("off/on/a.txt")
    place.file("off/a.txt")
    assert is_on(place)
    assert not is_on(place, "off/")
    assert not is_on(place, "off/a.txt")
    assert is_on(place, "off/on/")
    assert is_on(place, "off/on/a.txt")
    assert place.try_propfind("off/").status == 405
    assert place.get("off/a.txt").status == 200


def test_an_off_folder_is_not_walked_as_ours(httpd):
    """It is named in its parent's listing; what is in it is asked of whoever serves it."""
    place = httpd(conf='<Location "/dav/off/">\nDavMultistatus Off\n</Location>')
    place.file("off/a.txt")
    place.file("z.txt")
    assert "z.txt" in place.list("infinity").below()


def test_not_on_at_all_by_default(httpd):
    place = httpd(dav=False)
    place.file("a.txt")
    assert not is_on(place)
    assert not is_on(place, "a.txt")
    assert place.get("a.txt").status == 200


@pytest.mark.parametrize("value", ["On", "on", "ON"])
def test_on_in_any_case(httpd, value):
    assert is_on(httpd(dav=False, conf=f'<Location "/dav/">\nDavMultistatus {value}\n</Location>'))


def test_fs_is_what_on_means(httpd):
    assert is_on(httpd(dav=False, conf='<Location "/dav/">\nDavMultistatus fs\n</Location>'))


def test_on_for_the_whole_server(httpd):
    place = httpd(dav=False, conf='DocumentRoot "{data}"\n<Location "/">\nDavMultistatus On\n</Location>')
    place.file("sub/a.txt")
    answer = place.server.propfind("/", "infinity", RESOURCETYPE)
    assert answer.hrefs == ["/", "/sub/", "/sub/a.txt"]
    assert place.server.propfind("/sub", "0", RESOURCETYPE).hrefs == ["/sub/"]


def test_a_location_without_its_last_slash(httpd):
    place = httpd(dav=False, conf='<Location "/dav">\nDavMultistatus On\n</Location>')
    place.file("a.txt")
    assert place.server.propfind("/dav", "1", RESOURCETYPE).hrefs == ["/dav/", "/dav/a.txt"]
    assert place.server.propfind("/dav/", "1", RESOURCETYPE).hrefs == ["/dav/", "/dav/a.txt"]


def test_a_setting_is_inherited_and_overridden(httpd):
    place = httpd(location="DavMultistatusMaxResponses 2\nDavMultistatusDepthInfinity Off", conf="""
        <Location "/dav/sub/free/">
            DavMultistatusMaxResponses 0
            DavMultistatusDepthInfinity On
        </Location>""")
    for i in range(5):
        place.file(f"sub/{i}")
        place.file(f"sub/free/{i}")
    assert place.propfind("sub/", "1", RESOURCETYPE).responses[-1].status == 507
    assert place.try_propfind("sub/", "infinity", RESOURCETYPE).status == 403
    assert len(place.propfind("sub/free/", "infinity", RESOURCETYPE)) == 6


def test_virtual_hosts_have_their_own(httpd):
    place = httpd(dav=False, conf="""
        <VirtualHost *:{port}>
            ServerName one.example
            <Location "/dav/">
                DavMultistatus On
            </Location>
        </VirtualHost>
        <VirtualHost *:{port}>
            ServerName two.example
        </VirtualHost>""")
    place.file("a.txt")
    assert place.try_propfind("", "1", headers=[("Host", "one.example")]).status == 207
    assert place.try_propfind("", "1", headers=[("Host", "two.example")]).status == 405


def test_what_the_main_server_has_its_virtual_hosts_inherit(httpd):
    place = httpd(conf='<VirtualHost *:{port}>\nServerName one.example\n</VirtualHost>\n'
                       '<VirtualHost *:{port}>\nServerName two.example\n'
                       '<Location "/dav/">\nDavMultistatus Off\n</Location>\n</VirtualHost>')
    assert place.try_propfind("", "1", headers=[("Host", "one.example")]).status == 207
    assert place.try_propfind("", "1", headers=[("Host", "two.example")]).status == 405


def test_a_location_match(httpd):
    place = httpd(dav=False, conf='<LocationMatch "^/dav/[a-m]">\nDavMultistatus On\n</LocationMatch>')
    place.file("a/x")
    place.file("z/x")
    assert is_on(place, "a/")
    assert not is_on(place, "z/")


# -- restarts


def test_a_graceful_restart(httpd):
    place = httpd()
    place.file("a.txt")
    for _ in range(3):
        assert place.list("1").names() == ["a.txt"]
        place.server.graceful_restart()
    assert place.list("1").names() == ["a.txt"]
    assert place.get("a.txt").body == b"hello\n"


def test_an_answer_that_streams_outlives_a_graceful_restart(httpd, big_folders):
    server = httpd(data=big_folders).server
    with server.connect(rcvbuf=4096) as connection:
        connection.send("PROPFIND", "/dav/many/", [("Depth", "1")], RESOURCETYPE)
        head = connection.read_head()
        server.graceful_restart()
        assert len(server.propfind("/dav/few/", "1", RESOURCETYPE)) == 1001
        head.body = b"".join(connection.pieces(head))
    assert len(head.multistatus("/dav/many/", keep=False)) == 100_001
