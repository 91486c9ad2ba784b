"""Dead properties: their values, how listings show them, and how they go the way of their resource."""

import contextlib
import random
import re
import sqlite3

import pytest

from harness import ALLPROP, PROPNAME, XML, prop_body
from writing import NS, parse, prop, shape, store_path, update_body

LANG = "{%s}lang" % XML


@pytest.fixture
def file(dav):
    dav.file("a.txt", b"content")
    return dav


def stored(dav, xml, name="a.txt"):
    """Sets one property given as XML, and returns (what was sent, what allprop shows, what its name asked for shows)."""
    sent = parse(xml)
    assert [p.status for p in dav.patched(name, ("set", xml)).propstats] == [200]
    shown = dav.propfind(name, body=ALLPROP)[0].props()
    return shape(sent), shape(shown[sent.tag]), shape(dav.value(name, sent.tag))


# -- values

VALUES = {
    "empty": "",
    "text": "red",
    "spaces": "  two \n\t lines  ",
    "escapes": "a &lt;b&gt; &amp;amp; &quot;c&quot; ]]&gt;",
    "cdata": "<![CDATA[<not> & xml]]> and more",
    "carriage return": "a&#13;b&#13;&#10;c",
    "non-ASCII": "größer 漢字 \U0001f600 \u2028",
    "elements": "<n:b/><n:c>x</n:c>",
    "mixed": "one <n:b>two <n:c>three</n:c> four</n:b> five<n:d/>six",
    "attributes": '<n:b x="1" n:y="2" z="&lt;&amp;&quot;\'&gt;"/>',
    "attribute spaces": '<n:b x="a&#10;b&#9;c&#13;d  e"/>',
    "nested namespaces": '<o:b xmlns:o="urn:other" o:x="1"><n:b xmlns:n="urn:third"/><c xmlns="urn:fourth"><d/></c></o:b>',
    "default undone": '<b xmlns="urn:b"><c xmlns=""><d/></c></b>',
    "same prefix": '<n:b xmlns:n="urn:1"><n:b xmlns:n="urn:2"><n:b xmlns:n="urn:1"/></n:b></n:b>',
    "DAV inside": '<D:href xmlns:D="DAV:">/x</D:href>',
    "language": '<n:b xml:lang="de">rot</n:b>',
    "comments": "one<!-- not kept, perhaps -->two<?pi too?>three",
    "deep": "<n:b>" * 50 + "x" + "</n:b>" * 50,
    "xml:space": '<n:b xml:space="preserve"> </n:b>',
    "odd namespace": '<o:b xmlns:o="no uri, &quot;quoted&quot; &amp; more"/>',
}


@pytest.mark.parametrize("inner", VALUES.values(), ids=VALUES)
def test_values_are_kept_whole(file, inner):
    sent, shown, asked = stored(file, prop("value", inner))
    assert shown == sent
    assert asked == sent


def test_attributes_of_the_property_itself(file):
    sent, shown, asked = stored(file, prop("value", "x", attributes=' a="1" n:b="2" xml:lang="fr"'))
    assert sent[1] and shown == asked == sent


@pytest.mark.parametrize("level", ["propertyupdate", "set", "prop"])
def test_the_language_in_scope_is_kept(file, level):
    body = update_body(("set", prop("value", "Wort") + prop("own", "word", attributes=' xml:lang="en"')
                        + prop("none", "", attributes=' xml:lang=""')))
    body = re.sub(rf"<D:{level}\b", rf'<D:{level} xml:lang="de"', body, count=1)
    file.patched("a.txt", body=body)
    for element in (file.propfind("a.txt", body=ALLPROP)[0].props()["{%s}value" % NS], file.value("a.txt", "{%s}value" % NS)):
        assert element.get(LANG) == "de" and element.text == "Wort"
    assert file.value("a.txt", "{%s}own" % NS).get(LANG) == "en"
    assert file.value("a.txt", "{%s}none" % NS).get(LANG, "") == ""


def test_the_innermost_language_counts(file):
    body = update_body(("set", prop("value", "x")), ("set", prop("other", "x"))).replace(
        "<D:propertyupdate", '<D:propertyupdate xml:lang="a"').replace("<D:set>", '<D:set xml:lang="b">', 1).replace(
        "<D:prop>", '<D:prop xml:lang="c">', 1)
    file.patched("a.txt", body=body)
    assert file.value("a.txt", "{%s}value" % NS).get(LANG) == "c"
    assert file.value("a.txt", "{%s}other" % NS).get(LANG) == "a"


def test_namespaces_declared_far_above(file):
    body = ('<a:propertyupdate xmlns:a="DAV:" xmlns:o="urn:other" xmlns="urn:default"><a:set><a:prop><value xmlns:n="urn:n">'
            '<o:b n:x="1"/>text</value></a:prop></a:set></a:propertyupdate>')
    file.patched("a.txt", body=body)
    assert shape(file.value("a.txt", "{urn:default}value")) == shape(parse(
        '<value xmlns="urn:default" xmlns:n="urn:n" xmlns:o="urn:other"><o:b n:x="1"/>text</value>'))


@pytest.mark.parametrize("inner", [lambda n: "x" * n, lambda n: ("<n:b>" + "y" * 1013 + "</n:b>") * (n // 1024),
                                   lambda n: "".join(random.Random(1).choices("abc \n&<é漢", k=n * 5 // 11)).replace(
                                       "&", "&amp;").replace("<", "&lt;")],
                         ids=["text", "elements", "characters"])
def test_a_value_of_a_mebibyte(dav_on, inner):
    dav = dav_on(location="LimitXMLRequestBody 20000000")
    dav.file("a.txt")
    dav.file("b.txt")
    dav.set("a.txt", small="1")
    dav.set("b.txt", small="2")
    xml = prop("value", inner(1 << 20))
    sent, shown, asked = stored(dav, xml)
    assert shown == sent
    assert asked == sent
    response = dav.propfind("", "1", ALLPROP)["a.txt"]
    assert shape(response.props()["{%s}value" % NS]) == sent
    assert dav.propfind("", "1", ALLPROP)["b.txt"].text("small", NS) == "2"
    assert dav.propfind("", "1", prop_body((NS, "value")))["a.txt"].text("value", NS) == (parse(xml).text or "")
    assert dav.copy("a.txt", "c.txt").status == 201
    assert shape(dav.value("c.txt", "{%s}value" % NS)) == sent


def test_a_thousand_properties(file):
    values = {f"p{i:04}": f"value {i}" for i in range(1000)}
    file.set("a.txt", **values)
    assert file.dead("a.txt") == values
    assert file.dead("", "1")["a.txt"] == values
    names = file.propfind("a.txt", body=PROPNAME)[0].props()
    assert {"{%s}%s" % (NS, n) for n in values} <= set(names)
    asked = file.propfind("a.txt", body=prop_body(*[(NS, n) for n in values]))[0]
    assert len(asked.props()) == 1000 and not asked.props(404)
    file.patched("a.txt", ("remove", "".join(prop(n) for n in list(values)[:-1])))
    assert file.dead("a.txt") == {"p0999": "value 999"}


def test_one_at_a_time(file):
    for i in range(30):
        file.set("a.txt", **{f"p{i}": str(i)})
    assert file.dead("a.txt") == {f"p{i}": str(i) for i in range(30)}


# -- names


@pytest.mark.parametrize("ns, local", [
    ("", "plain"), (NS, "größe"), (NS, "漢字"), ("urn:größe", "x"), (NS, "a.b-c_d"), ("no uri at all", "x"),
    ('quotes " and & and <', "x"), ("http://example.com/?a=b&c=%20#d", "x"), ("DAV:", "nothing-of-ours"),
    ("DAV:x", "getetag"), ("dav:", "getetag"), (NS, "x" * 1000), ("urn:" + "n" * 1000, "x")])
def test_any_name(file, ns, local):
    tag = "{%s}%s" % (ns, local) if ns else local
    asked = prop_body((ns, local))
    assert [p.status for p in file.patched("a.txt", ("set", prop(local, "v", ns))).propstats] == [200]
    for result in (file.propfind("a.txt", body=ALLPROP), file.propfind("a.txt", body=asked)):
        assert result[0].props()[tag].text == "v"
    assert file.propfind("", "1", ALLPROP)["a.txt"].props()[tag].text == "v"
    names = file.propfind("a.txt", body=PROPNAME)[0].props()
    assert tag in names and names[tag].text is None
    file.patched("a.txt", ("remove", prop(local, "", ns)))
    assert list(file.propfind("a.txt", body=asked)[0].props(404)) == [tag]


def test_names_of_several_namespaces_do_not_meet(file):
    spaces = ["", "urn:a", "urn:A", "urn:ab", NS]
    file.patched("a.txt", ("set", "".join(prop("x", f"of {s}", s) for s in spaces) + prop("X", "big", "urn:a")))
    for s in spaces:
        assert file.value("a.txt", "{%s}x" % s if s else "x").text == f"of {s}"
    file.patched("a.txt", ("remove", prop("x", "", "urn:a")))
    assert file.value("a.txt", "{urn:a}x") is None
    assert file.value("a.txt", "{urn:A}x").text == "of urn:A" and file.value("a.txt", "{urn:a}X").text == "big"


def test_prefixes_of_ours_are_free_for_others(file):
    """A client's own D: does not become DAV:."""
    body = ('<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><D:a xmlns:D="urn:x"><D:b/></D:a><ns1:c xmlns:ns1="urn:y"/>'
            '</d:prop></d:set></d:propertyupdate>')
    file.patched("a.txt", body=body)
    assert shape(file.value("a.txt", "{urn:x}a")) == shape(parse('<D:a xmlns:D="urn:x"><D:b/></D:a>'))
    assert file.value("a.txt", "{urn:y}c") is not None


# -- listings


@pytest.fixture
def tree(dav):
    for name in ("a.txt", "b.txt", "sub/c.txt", "sub/deep/d.txt", "sub/deep/e.txt", "z/f.txt"):
        dav.file(name)
    dav.set("", own="root")
    dav.set("b.txt", x="b", y="b2")
    dav.set("sub/", x="sub")
    dav.set("sub/c.txt", x="c")
    dav.set("sub/deep/", x="deep")
    dav.set("sub/deep/e.txt", x="e")
    dav.set("z/f.txt", x="f")
    return dav


TREE = {"": {"own": "root"}, "a.txt": {}, "b.txt": {"x": "b", "y": "b2"}, "sub/": {"x": "sub"}, "sub/c.txt": {"x": "c"},
        "sub/deep/": {"x": "deep"}, "sub/deep/d.txt": {}, "sub/deep/e.txt": {"x": "e"}, "z/": {}, "z/f.txt": {"x": "f"}}


def of_depth(depth):
    most = {"0": 0, "1": 1, "infinity": 9}[depth]
    return {path: props for path, props in TREE.items() if len([s for s in path.split("/") if s]) <= most}


@pytest.mark.parametrize("depth", ["0", "1", "infinity"])
def test_allprop_shows_them(tree, depth):
    shown = tree.dead("", depth)
    assert (shown if depth != "0" else {"": shown}) == of_depth(depth)


@pytest.mark.parametrize("depth", ["0", "1", "infinity"])
def test_propname_names_them(tree, depth):
    result = tree.propfind("", depth, PROPNAME)
    start = len(tree.url)
    named = {r.href[start:]: {t.split("}")[1] for t in r.props() if t.startswith("{%s}" % NS)} for r in result}
    assert named == {path: set(props) for path, props in of_depth(depth).items()}
    assert all(not e.text for r in result for e in r.props().values())


@pytest.mark.parametrize("depth", ["0", "1", "infinity"])
def test_asked_for_by_name(tree, depth):
    result = tree.propfind("", depth, prop_body((NS, "x"), "resourcetype", (NS, "own")))
    start = len(tree.url)
    for response in result:
        props = of_depth(depth)[response.href[start:]]
        assert response.text("x", NS) == props.get("x")
        assert {t.split("}")[1] for t in response.props(404)} == {"x", "own"} - set(props)
    assert len(result) == len(of_depth(depth))


def test_include(tree):
    body = (f'<D:propfind xmlns:D="DAV:"><D:allprop/><D:include><n:x xmlns:n="{NS}"/><n:none xmlns:n="{NS}"/></D:include>'
            '</D:propfind>')
    result = tree.propfind("", "1", body)
    assert result["b.txt"].text("x", NS) == "b" and result["b.txt"].text("y", NS) == "b2"


ODD = ["%FF", "%FE%FFx", "a%20b", "100%25", "%01", "a%0Ab", "'quote'", "%22", "%C3%A9", "e%CC%81", "a%5Cb", "%2520", "_", "*",
       "-", "~", "%7F", "x%23y%3Fz", "a;b", "A", "a", "%3Cb%3E", "%26amp;"]


def test_odd_names(dav):
    dav.folder("sub")
    expected = {}
    for folder in ("", "sub/"):
        for name in ODD:
            dav.file(folder + name)
            dav.set(folder + name, x=f"{folder}{name}")
    for name in ODD:
        dav.folder(name + "-folder")
        dav.set(name + "-folder/", x=name)
    for name in ODD:
        assert dav.dead(name) == {"x": name}
        assert dav.dead("sub/" + name) == {"x": "sub/" + name}
    expected = {(f, n) for f in ("", "sub/") for n in ODD}
    shown = [p["x"] for p in dav.dead("", "infinity").values() if p]
    assert sorted(shown) == sorted([f + n for f, n in expected] + ODD)
    assert dav.move("sub/", "moved/").status == 201
    for name in ODD:
        assert dav.dead("moved/" + name) == {"x": "sub/" + name}, name
        assert dav.move(name, "moved/" + name + "2").status == 201
        assert dav.dead("moved/" + name + "2") == {"x": name}
        assert dav.copy(name + "-folder/", "moved/" + name + "3/").status == 201
        assert dav.dead("moved/" + name + "3/") == {"x": name}


def fill_store(dav, name, rows):
    """Adds rows (member, local, text) to the store, all for members of the collection that `name` is in: the way of a
    PROPPATCH is shown by the one that has been sent for `name`."""
    with contextlib.closing(sqlite3.connect(store_path(dav.server), timeout=10)) as db:
        collection, xml = db.execute("SELECT collection, xml FROM property WHERE member = ? AND local = 'probe'",
                                     (name,)).fetchone()
        db.executemany("INSERT INTO property (collection, member, ns, local, size, xml) VALUES (?, ?, ?, ?, ?, ?)",
                       ((collection, member, NS, local, len(new), new) for member, local, new in
                        ((m, l, xml.replace("probe", l).replace("SHOWN", t)) for m, l, t in rows)))
        db.commit()


def test_more_than_a_page(dav_on):
    """12,000 members with three properties each, others with none, and rows of members that are not there."""
    dav = dav_on()
    folder = dav.folder("many")
    members = [f"m{i * 7919 % 12000:05}" for i in range(12000)]
    for name in members + [f"n{i}" for i in range(500)] + ["a", "probed", "zzz"]:
        (folder / name).touch()
    dav.folder("many/deep")
    dav.file("many/deep/inside")
    dav.set("many/probed", probe="SHOWN")
    dav.set("many/deep/inside", x="inside")
    fill_store(dav, "probed", [(f"{kind}{m[1:]}", local, f"{local} of {m}") for m in members for local in ("x", "y", "z")
                               for kind in ("m", "gone")])
    shown = dav.server.ask("PROPFIND", dav.url + "many/", [("Depth", "infinity")], ALLPROP).multistatus(dav.url + "many/")
    assert len(shown) == 1 + 12000 + 500 + 3 + 2
    own = len(dav.url + "many/")
    for response in shown:
        name = response.href[own:]
        found = {t.split("}")[1]: e.text for t, e in response.props().items() if t.startswith("{%s}" % NS)}
        if name.startswith("m"):
            assert found == {n: f"{n} of {name}" for n in "xyz"}, name
        elif name == "deep/inside":
            assert found == {"x": "inside"}
        else:
            assert found == ({"probe": "SHOWN"} if name == "probed" else {}), name
    named = dav.propfind("many/", "1", prop_body((NS, "y")))
    assert sum(r.text("y", NS) == "y of " + r.href[own:] for r in named) == 12000
    assert len(named) == len(shown) - 1


# -- the way of the resource


def test_they_survive_an_overwrite_by_put(file):
    file.set("a.txt", color="red")
    assert file.put("a.txt", b"new").status == 204
    assert file.put("a.txt", b"n", ("Content-Range", "bytes 0-0/3")).status == 204
    assert file.dead("a.txt") == {"color": "red"}


def test_they_do_not_survive_delete_and_put(file):
    file.set("a.txt", color="red")
    assert file.delete("a.txt").status == 204
    assert file.put("a.txt").status == 201
    assert file.dead("a.txt") == {}


def test_they_do_not_survive_delete_and_mkcol(dav):
    dav.file("sub/deep/a.txt")
    for name in ("sub/", "sub/deep/", "sub/deep/a.txt"):
        dav.set(name, color="red")
    assert dav.delete("sub/").status == 204
    for name in ("sub/", "sub/deep/"):
        assert dav.mkcol(name).status == 201
    dav.put("sub/deep/a.txt")
    assert dav.dead("", "infinity") == {"": {}, "sub/": {}, "sub/deep/": {}, "sub/deep/a.txt": {}}


@pytest.mark.parametrize("make", ["PUT", "MKCOL", "COPY", "MOVE"])
def test_a_new_resource_starts_clean_though_the_old_one_vanished_behind_our_back(file, make):
    file.set("a.txt", color="red")
    file.disk("a.txt").unlink()
    file.file("other.txt")
    file.set("other.txt", shape="round")
    status = {"PUT": lambda: file.put("a.txt"), "MKCOL": lambda: file.mkcol("a.txt"),
              "COPY": lambda: file.copy("other.txt", "a.txt"), "MOVE": lambda: file.move("other.txt", "a.txt")}[make]().status
    assert status == 201
    assert file.dead("a.txt") == ({"shape": "round"} if make in ("COPY", "MOVE") else {})


def test_members_of_a_vanished_collection_start_clean(dav):
    dav.file("sub/a.txt")
    dav.set("sub/a.txt", color="red")
    dav.disk("sub/a.txt").unlink()
    dav.disk("sub").rmdir()
    assert dav.mkcol("sub/").status == 201
    dav.file("sub/a.txt")
    assert dav.dead("sub/a.txt") == {}


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_they_go_with_a_file(file, method):
    file.set("a.txt", color="red", shape="round")
    file.folder("sub")
    for to in ("b.txt", "sub/c.txt"):
        file.set("a.txt", color="red", shape="round")
        assert file.transfer(method, "a.txt", to).status == 201
        assert file.dead(to) == {"color": "red", "shape": "round"}
        if method == "COPY":
            assert file.dead("a.txt") == {"color": "red", "shape": "round"}
        else:
            file.put("a.txt")
            assert file.dead("a.txt") == {}


def test_a_copy_is_independent(file):
    file.set("a.txt", color="red")
    file.copy("a.txt", "b.txt")
    file.set("b.txt", color="blue")
    file.set("a.txt", shape="round")
    assert file.dead("a.txt") == {"color": "red", "shape": "round"} and file.dead("b.txt") == {"color": "blue"}


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("slash", ["/", ""])
def test_they_go_with_a_deep_collection_and_back(tree, method, slash):
    before = tree.dead("sub/", "infinity")
    assert before["deep/e.txt"] == {"x": "e"}
    assert tree.transfer(method, "sub" + slash, "there" + slash).status == 201
    assert tree.dead("there/", "infinity") == before
    if method == "COPY":
        assert tree.dead("sub/", "infinity") == before
        assert tree.delete("sub/").status == 204
    assert tree.transfer(method, "there" + slash, "sub" + slash).status == 201
    assert tree.dead("sub/", "infinity") == before
    if method == "COPY":
        assert tree.delete("there/").status == 204
    assert tree.dead("", "infinity") == TREE


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_they_go_into_another_depth(tree, method):
    before = tree.dead("sub/", "infinity")
    assert tree.transfer(method, "sub/", "z/new/").status == 201
    assert tree.dead("z/new/", "infinity") == before
    assert tree.transfer(method, "z/new/deep/", "up/").status == 201
    assert tree.dead("up/", "infinity") == {"": {"x": "deep"}, "d.txt": {}, "e.txt": {"x": "e"}}


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("frm, to", [("b.txt", "z/f.txt"), ("sub/", "z/"), ("sub/", "b.txt"), ("b.txt", "sub/")])
def test_overwriting_replaces_them(tree, method, frm, to):
    tree.set("z/f.txt", old="only here")
    tree.set("b.txt", own="only here")
    before = tree.dead(frm, "infinity")
    assert tree.transfer(method, frm, to.rstrip("/")).status == 204
    to = to.rstrip("/") + ("/" if frm.endswith("/") else "")
    assert tree.dead(to, "infinity") == before
    # and nothing of the old ones waits below for new resources of the old names
    if not frm.endswith("/") and to == "sub":
        tree.delete("sub")
        tree.mkcol("sub")
        tree.file("sub/c.txt")
        assert tree.dead("sub/c.txt") == {}


def test_overwriting_by_one_without_properties_removes_them(tree):
    for method in (tree.copy, tree.move):
        assert method("a.txt", "b.txt").status == 204
        assert tree.dead("b.txt") == {}
        tree.file("a.txt")
        tree.set("b.txt", x="again")


def test_depth_0_copy_of_a_collection(tree):
    assert tree.copy("sub/", "new/", ("Depth", "0")).status == 201
    assert tree.dead("new/", "infinity") == {"": {"x": "sub"}}
    tree.file("new/c.txt")
    assert tree.dead("new/c.txt") == {}


NEIGHBOURS = ["ab", "a%20b", "a!", "a-", "a.", "a0", "a%2Bx", "A", "a%FF"]


@pytest.mark.parametrize("method", ["COPY", "MOVE", "DELETE"])
def test_neighbours_with_a_common_beginning_stay(dav, method):
    for name in ["a"] + NEIGHBOURS:
        dav.file(name + "/x.txt")
        dav.set(name + "/", x=name)
        dav.set(name + "/x.txt", x=name)
    if method == "DELETE":
        assert dav.delete("a/").status == 204
    else:
        assert dav.transfer(method, "a/", "b/").status == 201
        assert dav.dead("b/", "infinity") == {"": {"x": "a"}, "x.txt": {"x": "a"}}
    for name in NEIGHBOURS:
        assert dav.dead(name + "/", "infinity") == {"": {"x": name}, "x.txt": {"x": name}}, name


def test_a_failed_transfer_moves_no_property(file):
    file.set("a.txt", color="red")
    file.file("b.txt")
    file.set("b.txt", color="blue")
    for method in (file.copy, file.move):
        assert method("a.txt", "b.txt", ("Overwrite", "F")).status == 412
        assert method("a.txt", "missing/b.txt").status == 409
        assert method("a.txt", "a.txt").status == 403
    assert file.dead("a.txt") == {"color": "red"} and file.dead("b.txt") == {"color": "blue"}


def test_through_two_urls_of_one_folder(dav_on):
    """A property hangs on the file, not on the URL that it was set by."""
    dav = dav_on(conf='Alias "/again" "{data}"\n<Location "/again/">\nDavMultistatus On\n</Location>')
    dav.file("sub/a.txt")
    dav.set("sub/a.txt", color="red")
    shown = dav.server.propfind("/again/sub/a.txt", body=ALLPROP)[0]
    assert shown.text("color", NS) == "red"
    assert dav.transfer("MOVE", "sub/a.txt", "/again/b.txt").status == 201
    assert dav.dead("b.txt") == {"color": "red"}
