"""A page that sends what kd2org's webdav-manager.js does (manager.html)."""

import pathlib
import shutil

import pytest

import clients

PAGE = pathlib.Path(__file__).with_name("manager.html")
# What encodeURIComponent escapes and what not, and what an href does.
NAMES = ["plain", "sp ace", "ümläut €", "日本語", "e\u0301", "100%", "a+b&c=d", "hash#tag", "ques?tion", "semi;colon", "a,b:c@d$e",
         "apo'strophe!", "(brackets) [x]*~", 'quo"te', "%41", "back\\slash", "<tag>"]


@pytest.fixture(scope="module")
def server():
    with clients.running(conf="""<Location "/dav/read-only/">
Require method GET HEAD OPTIONS PROPFIND
</Location>""") as server:
        shutil.copy(PAGE, server.root / "data")
        (server.data / "read-only").mkdir()
        (server.data / "read-only/a.txt").write_text("a")
        clients.writing.give(server.data)
        yield server


@pytest.fixture
def page(chromium, server):
    """page(script, name=value, ...): what the body of an async function returns, which manager.html runs."""
    def run(script, files=(), **given):
        return chromium.run("""
            const page = await browse();
            await page.goto(given.page);
            await page.setInputFiles("input", given.files);
            return page.evaluate(`(async (given) => { ${given.script} })(${JSON.stringify(given.given)})`);
            """, page=f"http://127.0.0.1:{server.port}/plain/manager.html", files=[str(f) for f in files], script=script, given=given)
    return run


def names(shown):
    return [member["name"] for member in shown["members"]]


def folder_of(server, name):
    path = server.data / name
    path.mkdir()
    clients.writing.give(path)
    return path


def test_folders_by_all_names(page, server):
    """A folder that has just been made shows nothing, not even itself; its parent shows each under its name."""
    folder = folder_of(server, "folders")
    made, shown = page("""
        const made = {};
        for (const name of given.names) {
            made[name] = (await makeFolder("/dav/folders/", name)).members;
        }
        return [made, await list("/dav/folders/")];""", names=NAMES)
    assert made == {name: [] for name in NAMES}
    assert sorted(names(shown)) == sorted(NAMES) and all(member["folder"] for member in shown["members"])
    assert {path.name for path in folder.iterdir()} == set(NAMES)


def test_files_are_made_saved_renamed_and_removed(page, server):
    folder = folder_of(server, "files")
    shown = page("""
        const url = "/dav/files/", shown = [];
        for (const name of given.names) {
            await makeFile(url, name + ".md");
        }
        for (const { uri, name } of (await list(url)).members) {
            await save(uri, "# " + name);
            await rename(url, uri, "new " + name);
        }
        for (const { uri } of (await list(url)).members) {
            shown.push(await open(uri));
        }
        shown.push(await list(url));
        for (const { uri } of shown.at(-1).members.slice(1)) {
            await remove(uri);
        }
        return shown;""", names=NAMES)
    listed = shown.pop()
    assert sorted(names(listed)) == sorted(f"new {name}.md" for name in NAMES)
    assert sorted(shown) == sorted(f"# {name}.md" for name in NAMES)
    for member in listed["members"]:
        assert (member["size"], member["folder"]) == (str(len(f"# {member['name'][4:]}".encode())), False)
        assert member["type"].startswith("text/") and member["time"] > 1e12
    assert len(list(folder.iterdir())) == 1


def test_upload_and_download(page, server, tmp_path):
    folder = folder_of(server, "up")
    for name in NAMES:
        (tmp_path / (name.replace("\\", "") + ".bin")).write_bytes(name.encode() * 1000)
    sizes = page("""
        await upload("/dav/up/");
        const { members } = await list("/dav/up/");
        return Promise.all(members.map(async ({ uri, size }) => [Number(size), await download(uri)]));""", files=tmp_path.iterdir())
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {p.name: p.read_bytes() for p in folder.iterdir()}
    assert sizes and all(one == other > 0 for one, other in sizes)


def test_only_what_may_be_done_is_offered(page, server):
    folder_of(server, "mine").joinpath("a.txt").touch()
    clients.writing.give(server.data / "mine")
    mine, theirs = page("return [await list('/dav/mine/'), await list('/dav/read-only/')];")
    assert set("CK") <= set(mine["permissions"]) and not set("CK") & set(theirs["permissions"])
    for right in "NV", "D", "W":
        assert right in mine["members"][0]["permissions"] and right not in theirs["members"][0]["permissions"]


def test_an_editor_that_is_not_there(page, server):
    assert "404" in page("return findEditor('/dav/manager.html');")


def test_what_somebody_else_has_written_is_shown(chromium, server):
    """The browser's cache would otherwise take a file that is years old to stay as it is for months."""
    seen = chromium.run("""
        const put = (body, time) => fetch(given.url, { method: "PUT", body, headers: { "X-OC-Mtime": String(time) } });
        const page = await browse(), shown = [];
        await page.goto(given.page);
        for (const [text, time] of [["old", 1e9], ["newer", 1e9 + 1], ["newest", 1e9 + 2]]) {
            await put(text, time);
            shown.push(await page.evaluate("open('/dav/shared.md')"));
            shown.push(await page.evaluate("ask('GET', '/dav/shared.md').then((answer) => answer.headers.get('ETag'))"));
        }
        return shown;""", url=clients.url(server, "shared.md"), page=f"http://127.0.0.1:{server.port}/plain/manager.html")
    assert seen[::2] == ["old", "newer", "newest"] and len(set(seen[1::2])) == 3
