"""The manual (manual.py) is the one reference of the directives: it says what the module's own table says, with
the defaults that hold; README's table and the page of HTML follow from it. (Its examples: test_readme.py.)"""

import re

import pytest
from lxml import etree

import harness
import modules
from manual import DIRECTIVES, DOCS, PAGE

# httpd's http_config.h: enum cmd_how, and what may be said where.
RAW_ARGS, TAKE1, TAKE2, ITERATE, ITERATE2, FLAG, NO_ARGS, TAKE12, TAKE3, TAKE23, TAKE123, TAKE13, TAKE_ARGV = range(13)
CONTEXTS = {31: ".htaccess", 64: "directory", 128: "server config"}
KINDS = {(0, 0): NO_ARGS, (1, 1): TAKE1, (2, 2): TAKE2, (3, 3): TAKE3, (1, 2): TAKE12, (2, 3): TAKE23, (1, 3): TAKE123}

# Of each directive that holds for a place, what is not its default: for each argument that has one.
OTHERS = {
    "DavMultistatus": ["On"],
    "DavMultistatusAccessFiles": ["On"],
    "DavMultistatusAllowOrigin": ["*"],
    "DavMultistatusAuthz": ["off", "each"],
    "DavMultistatusDepthInfinity": ["Off"],
    "DavMultistatusLitter": ["refuse", "apart"],
    "DavMultistatusLockTimeout": ["601 86400", "600 86401"],
    "DavMultistatusMaxLocks": ["1001", "0"],
    "DavMultistatusMaxProperties": ["1000001", "0"],
    "DavMultistatusMaxPropertyBytes": ["1073741825", "0"],
    "DavMultistatusMaxResponses": ["1"],
    "DavMultistatusNames": ["normalize"],
    "DavMultistatusQuota": ["1"],
    "DavMultistatusReverse": ["/x http://127.0.0.1/x"],
    "DavMultistatusSetModified": ["On"],
    "DavMultistatusShowForbidden": ["On"],
    "DavMultistatusSync": ["Off"],
    "DavMultistatusUnlockAny": ["valid-user"],
}
STORE = "DavMultistatusStore"


def words(directive, what):
    return " ".join("".join(directive.find(what).itertext()).split())


def syntax(name):
    return words(DIRECTIVES[name], "syntax")


def default(name):
    return DIRECTIVES[name].findtext("default")


def contexts(name):
    return {context.text for context in DIRECTIVES[name].iterfind("contextlist/context")}


def kinds(text):
    """How httpd takes arguments that are written so, of which `...` leaves two ways open."""
    words = text.split(None, 1)[1]
    if words == "On|Off":
        return {FLAG}
    if "..." in words:
        return {ITERATE, RAW_ARGS}
    # a word of `...|Off` stands alone
    whole = words.removesuffix("|Off") if " " in words else words
    needed = re.sub(r"\[.*\]", "", whole).split()
    all_of_them = whole.replace("[", "").replace("]", "").split()
    return {KINDS[1 if whole != words else len(needed), len(all_of_them)]}


@pytest.fixture(scope="module")
def tells():
    """A server in which /table and /values/... are told of."""
    def section(path, line):
        return f'<Location "/values/{path}">\nRequire all granted\n{line}\n</Location>\n'

    lines = {"nothing": "", **{f"{name}/default": default(name) for name in OTHERS if name in DIRECTIVES},
             **{f"{name}/{i}": f"{name} {value}" for name, values in OTHERS.items() for i, value in enumerate(values)}}
    load = modules.load_line(modules.OWN / "mod_tell_directives.c", "tell_directives", f"-I{harness.REPO / 'src'}")
    granted = '<Location "/table">\nRequire all granted\n</Location>\n'
    server = harness.Server(load + granted + "".join(section(*one) for one in lines.items()), modules=["proxy", "proxy_http"]).start()
    yield server
    wrong = server.stop()
    server.remove()
    assert not wrong, wrong


@pytest.fixture(scope="module")
def table(tells):
    lines = (line.split() for line in tells.get("/table").body.decode().splitlines())
    return {name: (int(how), int(where)) for name, how, where in lines if name.startswith("DavMultistatus")}


def values(server, path):
    answer = server.get(f"/values/{path}")
    assert answer.status == 200
    return answer.body.decode()


# -- the code's table


def test_each_directive_is_there_by_its_name(table):
    assert list(DIRECTIVES) == sorted(table)


@pytest.mark.parametrize("name", DIRECTIVES)
def test_syntax_and_context_are_those_of_the_code(table, name):
    how, where = table[name]
    assert syntax(name).split()[0] == name
    assert how in kinds(syntax(name))
    assert {bit for bit in CONTEXTS if where & bit} == {bit for bit, context in CONTEXTS.items() if context in contexts(name)}
    assert contexts(name) <= {*CONTEXTS.values(), "virtual host"}


@pytest.mark.parametrize("name", [name for name in DIRECTIVES if "server config" in contexts(name)])
def test_what_holds_for_the_server_is_for_a_virtual_host_or_not(name):
    server = harness.Server(f"<VirtualHost *:{{port}}>\n{default(name)}\n</VirtualHost>\n")
    try:
        if "virtual host" in contexts(name):
            assert server.start().stop() == []
        else:
            with pytest.raises(harness.StartError, match=f"{name} .*<VirtualHost>"):
                server.start()
    finally:
        server.remove()


@pytest.mark.parametrize("name", [name for name in DIRECTIVES if name != STORE])
def test_the_default_is_what_holds_without_it(tells, name):
    assert default(name).split()[0] == name
    assert values(tells, f"{name}/default") == values(tells, "nothing")
    for i in range(len(OTHERS[name])):
        assert values(tells, f"{name}/{i}") != values(tells, "nothing")


def test_the_default_of_the_store(tells):
    word, driver, file, patience = default(STORE).split()
    assert (word, driver) == (STORE, "sqlite3")
    built_with = re.search(rb"[^\0]*/lib/mod_dav_multistatus/store\.db", harness.MODULE.read_bytes())[0].decode()
    assert built_with.endswith(file.removeprefix("/var"))
    assert f"patience of the store {patience}\n" in values(tells, "nothing")


# -- README, and the page


def test_readme_has_a_line_for_each():
    readme = (harness.REPO / "README.md").read_text()
    lines = [f"| {name} | {words(one, 'description')} | {default(name).split(None, 1)[1]} |" for name, one in DIRECTIVES.items()]
    assert re.findall(r"^\| DavMultistatus\w* \|.*", readme.replace("`", ""), re.M) == lines


def test_it_is_of_httpds_format():
    assert etree.DTD(str(DOCS / "style/modulesynopsis.dtd")).validate(PAGE)


def test_every_link_of_the_page_leads_somewhere():
    page = etree.XSLT(etree.parse(str(DOCS / "style/manual.xsl")))(PAGE)
    targets = page.xpath("//@id")
    assert len(set(targets)) == len(targets)
    assert {name.lower() for name in DIRECTIVES} <= set(targets)
    links = page.xpath("//@href")
    assert {link[1:] for link in links if link.startswith("#")} <= set(targets)
    assert [link for link in links if not link.startswith(("#", "https://")) and not (DOCS / link).is_file()] == []
