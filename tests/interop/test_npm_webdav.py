"""The client `webdav` of npm, in node: its whole API."""

import hashlib
import os

import pytest

import clients
import driver

CONF = """<Location "/basic/">
AuthType Basic
AuthName "in here"
AuthBasicProvider file
AuthUserFile "{root}/users"
Require valid-user
</Location>
<Location "/digest/">
AuthType Digest
AuthName "in here"
AuthDigestProvider file
AuthUserFile "{root}/digests"
Require valid-user
</Location>
<LocationMatch "^/(basic|digest)/">
DavMultistatus On
</LocationMatch>
Alias "/basic" "{data}"
Alias "/digest" "{data}"
"""
# What each script begins with: a client of the test's own folder, or of `given.url`.
BEGIN = """
const { createClient, AuthType } = await load("webdav");
const client = createClient(given.url, given.options);
const status = (promise) => promise.then(() => null, (error) => error.status ?? String(error));
const read = async (stream) => Buffer.concat(await stream.toArray()).toString();
"""
NAMES = ["sp ace.txt", "ümläut €.txt", "日本語.txt", "100%.txt", "a+b&c=d.txt", "hash#tag.txt", "ques?tion.txt", "semi;colon.txt",
         "(brackets) [x].txt", "%41.txt", "quo\"te'.txt"]


@pytest.fixture(scope="module")
def node():
    with driver.running() as started:
        yield started


@pytest.fixture(scope="module")
def server():
    with clients.running(conf=CONF, modules=["auth_digest"]) as server:
        (server.root / "users").write_text("me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n")  # secret
        (server.root / "digests").write_text("me:in here:" + hashlib.md5(b"me:in here:secret").hexdigest() + "\n")
        server.expect_log("AH01617|AH01781|AH01794")  # a password that is wrong, or sent in the other way
        yield server


@pytest.fixture
def dav(node, server):
    """dav(script, name=value, ...): what the script says of a folder of the test's own, `dav.path`."""
    def run(script, **given):
        return node.run(BEGIN + script, **{"url": clients.url(server, name), **given})

    name = f"t{len(list(server.data.iterdir()))}"
    run.path = server.data / name
    run.path.mkdir()
    clients.writing.give(run.path)
    return run


def test_folders(dav):
    told = dav("""
        await client.createDirectory("/a/b/c", { recursive: true });
        await client.putFileContents("/a/b/x.txt", "12345");
        return {
            flat: (await client.getDirectoryContents("/")).map((one) => [one.filename, one.basename, one.type]),
            deep: (await client.getDirectoryContents("/", { deep: true })).map((one) => one.filename).sort(),
            self: (await client.getDirectoryContents("/a", { includeSelf: true })).map((one) => one.filename),
            glob: (await client.getDirectoryContents("/", { deep: true, glob: "/**/*.txt" })).map((one) => one.filename),
            status: (await client.getDirectoryContents("/a", { details: true })).status,
            again: await status(client.createDirectory("/a")), orphan: await status(client.createDirectory("/x/y")),
            missing: await status(client.getDirectoryContents("/missing")),
        };""")
    assert told == {"flat": [["/a", "a", "directory"]], "deep": ["/a", "/a/b", "/a/b/c", "/a/b/x.txt"], "self": ["/a", "/a/b"],
                    "glob": ["/a/b/x.txt"], "status": 207, "again": 405, "orphan": 409, "missing": 404}


def test_all_names(dav):
    """Written, listed, read, renamed."""
    told = dav("""
        for (const name of given.names) {
            await client.putFileContents("/" + name, name);
        }
        const listed = (await client.getDirectoryContents("/")).map((one) => one.basename);
        const texts = await Promise.all(listed.map((name) => client.getFileContents("/" + name, { format: "text" })));
        await client.createDirectory("/to a");
        for (const name of listed) {
            await client.moveFile("/" + name, "/to a/ü " + name);
        }
        return [listed, texts];""", names=NAMES)
    assert sorted(told[0]) == sorted(told[1]) == sorted(NAMES)
    assert clients.tree(dav.path) == {"to a": None} | {"to a/ü " + name: name.encode() for name in NAMES}


def test_contents(dav):
    told = dav("""
        const bytes = Buffer.alloc(300000).map((_, i) => i % 251);
        const made = await client.putFileContents("/a.bin", bytes);
        const kept = await client.putFileContents("/a.bin", "x", { overwrite: false });
        const back = Buffer.from(await client.getFileContents("/a.bin"));
        await client.putFileContents("/empty", "");
        const seen = [];
        await client.getFileContents("/a.bin", { onDownloadProgress: ({ loaded }) => seen.push(loaded) });
        await client.putFileContents("/stream.txt", (await import("node:stream")).Readable.from(["one ", "two"]), { contentLength: false });
        const { status: answer, headers } = await client.getFileContents("/a.bin", { details: true });
        return { made, kept, same: back.equals(bytes), answer, length: headers["content-length"],
                 missing: await status(client.getFileContents("/missing")), orphan: await status(client.putFileContents("/x/y", "z")) };""")
    assert told == {"made": True, "kept": False, "same": True, "answer": 200, "length": "300000", "missing": 404, "orphan": 409}
    assert (dav.path / "empty").read_bytes() == b"" and (dav.path / "stream.txt").read_bytes() == b"one two"


def test_streams(dav):
    (dav.path / "a.txt").write_text("0123456789")
    told = dav("""
        const ranges = [];
        for (const range of [undefined, { start: 3 }, { start: 2, end: 5 }, { start: 9, end: 99 }]) {
            ranges.push(await read(client.createReadStream("/a.txt", { range })));
        }
        const errors = [];
        for (const [path, range] of [["/a.txt", { start: 10 }], ["/missing", undefined]]) {
            errors.push(await status(read(client.createReadStream(path, { range }))));
        }
        const write = (path, pieces, options) => new Promise((resolve) => {
            const stream = client.createWriteStream(path, options, (answer) => resolve(answer.status));
            stream.on("error", (error) => resolve(error.status ?? String(error)));
            pieces.forEach((piece) => stream.write(piece));
            stream.end();
        });
        const written = [await write("/new.txt", ["a", "b".repeat(100000), "ü"]), await write("/new.txt", ["again"]),
                         await write("/new.txt", ["never"], { overwrite: false })];
        return { ranges, errors, written };""")
    assert told == {"ranges": ["0123456789", "3456789", "2345", "9"], "errors": [416, 404], "written": [201, 204, 412]}
    assert (dav.path / "new.txt").read_text() == "again"


def test_parts_are_updated(dav):
    (dav.path / "a.txt").write_text("0123456789")
    clients.writing.give(dav.path)
    told = dav("""
        await client.partialUpdateFileContents("/a.txt", 2, 4, "abc");
        await client.partialUpdateFileContents("/a.txt", 10, 12, Buffer.from("xyz"));
        const { compliance, server } = await client.getDAVCompliance("/a.txt");
        return [compliance, await status(client.partialUpdateFileContents("/missing", 0, 0, "x")),
                await status(client.partialUpdateFileContents("/a.txt", 0, 4, "too short"))];""")
    assert (dav.path / "a.txt").read_text() == "01abc56789xyz"
    assert {"1", "2", "3", "sabredav-partialupdate"} <= set(told[0]) and told[1:] == [404, 416]


def test_copy_move_delete(dav):
    told = dav("""
        const tell = [];
        await client.createDirectory("/from/sub", { recursive: true });
        await client.putFileContents("/from/sub/a.txt", "a");
        await client.copyFile("/from", "/copy");
        await client.copyFile("/from", "/shallow", { shallow: true });
        await client.putFileContents("/b.txt", "b");
        tell.push(await status(client.copyFile("/from/sub/a.txt", "/b.txt", { overwrite: false })));
        tell.push(await status(client.moveFile("/from/sub/a.txt", "/b.txt", { overwrite: false })));
        await client.copyFile("/from/sub/a.txt", "/b.txt");
        await client.moveFile("/from", "/moved");
        await client.deleteFile("/copy/sub");
        tell.push(await status(client.deleteFile("/copy/sub")));
        tell.push(await status(client.moveFile("/moved", "/no/where")));
        return tell;""")
    assert told == [412, 412, 404, 409]
    assert clients.tree(dav.path) == {"copy": None, "shallow": None, "b.txt": b"a", "moved": None, "moved/sub": None, "moved/sub/a.txt": b"a"}


def test_stat_and_exists(dav):
    (dav.path / "ü.txt").write_text("12345")
    os.utime(dav.path / "ü.txt", (1_000_000_000, 1_000_000_000))
    told = dav("""
        return { file: await client.stat("/ü.txt"), folder: (await client.stat("/")).type,
                 details: (await client.stat("/ü.txt", { details: true })).data.props.displayname,
                 exists: [await client.exists("/ü.txt"), await client.exists("/missing"), await client.exists("/")],
                 missing: await status(client.stat("/missing")) };""")
    file = told.pop("file")
    assert (file["filename"], file["basename"], file["size"], file["type"], file["mime"], file["lastmod"]) == (
        "/ü.txt", "ü.txt", 5, "file", "text/plain", "Sun, 09 Sep 2001 01:46:40 GMT")
    assert file["etag"] and not file["etag"].startswith('"')
    assert told == {"folder": "directory", "details": "ü.txt", "exists": [True, False, True], "missing": 404}


def test_locks(dav):
    told = dav("""
        await client.putFileContents("/a.txt", "a");
        const lock = await client.lock("/a.txt", { timeout: "Second-300" });
        const If = { headers: { If: `(<${lock.token}>)` } };
        const second = await status(client.lock("/a.txt"));
        const others = [await status(client.putFileContents("/a.txt", "b")), await status(client.deleteFile("/a.txt"))];
        const own = await client.putFileContents("/a.txt", "mine", If);
        const wrong = await status(client.unlock("/a.txt", "urn:uuid:00000000-0000-0000-0000-000000000000"));
        await client.unlock("/a.txt", lock.token);
        const free = await client.putFileContents("/a.txt", "free");
        const made = await client.lock("/new.txt");
        return { lock, second, others, own, wrong, free, made: made.serverTimeout.slice(0, 9), there: await client.exists("/new.txt") };""")
    lock = told.pop("lock")
    assert lock["token"].startswith(("urn:uuid:", "opaquelocktoken:")) and lock["serverTimeout"] == "Second-300"
    assert told == {"second": 423, "others": [423, 423], "own": True, "wrong": 409, "free": True, "made": "Second-86", "there": True}


def test_quota(dav):
    """Its getQuota asks for all properties, of which RFC 4331, section 3, does not want these to be; a body of one's own names them."""
    told = dav("""
        const data = `<propfind xmlns="DAV:"><prop><quota-available-bytes/><quota-used-bytes/></prop></propfind>`;
        return [await client.getQuota(), await client.getQuota({ data })];""")
    disk = os.statvfs(dav.path)
    assert told[0] is None
    assert abs(told[1]["available"] - disk.f_bavail * disk.f_frsize) < 1 << 30
    assert abs(told[1]["used"] - (disk.f_blocks - disk.f_bfree) * disk.f_frsize) < 1 << 30


def test_requests_of_its_users_own(dav):
    told = dav("""
        await client.putFileContents("/a.txt", "a");
        const set = await client.customRequest("/a.txt", { method: "PROPPATCH", data:
            `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">é</x></prop></set></propertyupdate>` });
        const found = await client.customRequest("/a.txt", { method: "PROPFIND", headers: { Depth: "0" }, data:
            `<propfind xmlns="DAV:"><prop><x xmlns="urn:x"/></prop></propfind>` });
        client.setHeaders({ "If-None-Match": "*" });
        return [set.status, found.status, (await found.text()).includes(">é<"), await status(client.putFileContents("/a.txt", "b")),
                await status(client.customRequest("/a.txt", { method: "BLABLA" })),
                await (await fetch(client.getFileDownloadLink("/a.txt"))).text()];""")
    assert told[:3] == [207, 207, True] and told[4:] == [501, "a"]
    assert (dav.path / "a.txt").read_text() == "a"


@pytest.mark.parametrize("place, kind", [("basic", "Password"), ("basic", "Auto"), ("digest", "Digest"), ("digest", "Auto")])
def test_passwords(dav, server, place, kind):
    script = """
        const client = createClient(given.url, { ...given.user, authType: AuthType[given.kind] });
        await client.putFileContents("/" + given.kind, "mine");
        await client.moveFile("/" + given.kind, "/moved");
        return [await client.getFileContents("/moved", { format: "text" }), (await client.getDirectoryContents("/")).length];"""
    address = f"http://127.0.0.1:{server.port}/{place}/{dav.path.name}"
    run = {"url": address, "kind": kind}
    assert dav("{" + script + "}", user={"username": "me", "password": "secret"}, **run) == ["mine", 1]
    # (By digest it takes a second 401 for an answer, and stumbles over what is in it.)
    assert dav("return status((async () => {" + script + "})());", user={"username": "me", "password": "wrong"}, **run)
    assert clients.tree(dav.path) == {"moved": b"mine"}
