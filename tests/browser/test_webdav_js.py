"""webdav-js (npm) as its page of a folder, by its own example for Apache: what a user clicks, and what is then on the disk."""

import shutil

import pytest

import clients
import driver

CONF = """DocumentRoot "{data}"
Alias "/webdav-js" "{root}/webdav-js"
<Directory "{root}/webdav-js">
Require all granted
</Directory>
<Location "/">
DirectoryIndex disabled
IndexOptions +Charset=UTF-8
DavMultistatus On
HeaderName /webdav-js/examples/apache-directory-list-local/header.html
SetHandler None
</Location>
<Location "/webdav-js">
DavMultistatus Off
</Location>"""

# `page`: webdav-js shows the folder; dialogs are answered with `answers`, one after the other, or else confirmed.
BEGIN = """
const page = await browse(), answers = [];
page.on("dialog", (dialog) => dialog.accept(answers.shift()));
const item = (title) => page.locator("main li").filter({ has: page.locator(".title", { hasText: new RegExp("^" + title + "$") }) });
const told = (text) => page.getByText(text, { exact: false }).first().waitFor();
const shown = async () => (await page.locator("main li .title").allInnerTexts()).filter((title) => title !== "←").sort();
await page.goto(given.page);
await page.locator("main ul:not(.loading)").waitFor();
"""


@pytest.fixture(scope="module")
def server(chromium):
    with clients.running(conf=CONF, dav=False) as server:
        shutil.copytree(driver.MODULES / "node_modules/webdav-js", server.root / "webdav-js")
        yield server


@pytest.fixture
def page(chromium, server):
    """page(script, name=value, ...), in a folder of the test's own; `path` is that folder."""
    name = f"folder{len(list(server.data.iterdir()))}"

    def run(script, **given):
        return chromium.run(BEGIN + script, page=f"http://127.0.0.1:{server.port}/{name}/", **given)

    run.path, run.url = server.data / name, f"/{name}/"
    run.path.mkdir()
    run.fill = lambda files: [fill(run.path / file, text) for file, text in files.items()] and clients.writing.give(run.path)
    clients.writing.give(run.path)
    return run


def fill(path, text):
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


NAMES = ["plain.txt", "sp ace.txt", "ümläut.txt", "日本語.txt", "a+b&c=d.txt", "(x).txt", "semi;colon.txt"]


def test_listing_and_folders(page):
    page.fill({"sub/" + name: name for name in NAMES} | {"a.txt": "12345"})
    at_first, size, below, back = page("""
        const at_first = await shown(), size = await item("a.txt").locator(".size").innerText();
        await item("sub").click();
        await item("plain.txt").waitFor();
        const below = await shown();
        await page.goBack();
        await item("a.txt").waitFor();
        return [at_first, size, below, await shown()];""")
    assert at_first == back == ["a.txt", "sub"] and size == "5 bytes"
    assert below == sorted(NAMES)


def test_new_folders(page):
    assert page("""
        for (const name of ["new", "nëw folder", "新しい"]) {
            answers.push(name);
            await page.locator(".create-directory").click();
            await item(name).waitFor();
        }
        await page.reload();
        await item("new").waitFor();
        return shown();""") == sorted(["new", "nëw folder", "新しい"])
    assert all(path.is_dir() for path in page.path.iterdir())


def test_upload(page, tmp_path):
    page.fill({"plain.txt": "old"})
    for name in NAMES:
        (tmp_path / name).write_text("this is " + name)
    shown = page("""
        await page.locator("input[type=file]").setInputFiles(given.files);
        for (const file of given.files) {
            await told("'" + file.split("/").pop() + "' has been successfully uploaded");
        }
        await page.reload();
        await item("plain.txt").waitFor();
        return shown();""", files=[str(tmp_path / name) for name in NAMES])
    assert shown == sorted(NAMES)
    assert clients.tree(page.path) == {name: f"this is {name}".encode() for name in NAMES}


@pytest.mark.parametrize("to", ["renamed.txt", "with space.txt", "grün.txt"])
def test_rename(page, to):
    page.fill({"a.txt": "a", "b.txt": "b"})
    assert page("""
        await item("a.txt").locator(".rename").click();
        await page.locator("main li input:not(.hidden)").fill(given.to);
        await page.keyboard.press("Enter");
        await told("successfully renamed");
        await page.reload();
        await item("b.txt").waitFor();
        return shown();""", to=to) == sorted(["b.txt", to])
    assert clients.tree(page.path) == {"b.txt": b"b", to: b"a"}


def test_delete(page):
    page.fill({"sub/" + name: name for name in NAMES} | {"a.txt": "a", "ü.txt": "ü", "kept.txt": "k"})
    assert page("""
        for (const title of ["a.txt", "ü.txt", "sub"]) {
            await item(title).locator(".delete").click();
            await item(title).waitFor({ state: "detached" });
        }
        await page.reload();
        await item("kept.txt").waitFor();
        return shown();""") == ["kept.txt"]
    assert clients.tree(page.path) == {"kept.txt": b"k"}


def test_copy_and_move(page):
    page.fill({"sub/x": "x", "a.txt": "a", "ü.txt": "ü"})
    page("""
        for (const [title, act, done] of [["a.txt", "copy", "copied"], ["ü.txt", "move", "moved"]]) {
            await item(title).locator("." + act).click();
            const modal = page.locator(".tree-view-modal").last(), leaves = modal.locator(".leaf");
            const leaf = (name) => leaves.filter({ hasText: name }).last();
            for (const folder of [leaves.first(), leaf(given.folder)]) {
                await page.waitForLoadState("networkidle"); // it reads folders ahead, and then draws them anew
                await folder.locator(".toggle").first().click();
            }
            await page.waitForLoadState("networkidle");
            await leaf("sub").locator(".name").click();
            await modal.locator("button[type=submit]").click();
            await told("successfully " + done);
        }""", folder=page.path.name)
    assert clients.tree(page.path) == {"a.txt": b"a", "sub": None, "sub/a.txt": b"a", "sub/x": b"x", "sub/ü.txt": "ü".encode()}


def test_a_text_is_shown(page):
    page.fill({"ü.txt": "grüße <b>"})
    assert page("""
        await item("ü.txt").click();
        return page.locator(".basicLightbox pre").innerText();""") == "grüße <b>"
