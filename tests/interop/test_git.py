"""git's push by WebDAV (git-http-push), behind nginx as it is pasted: it locks each ref, puts objects beside their names and moves
them there."""

import clients


def test_push_and_clone(tmp_path):
    def git(*arguments, at="work"):
        return clients.run("git", "-C", tmp_path / at, "-c", "user.name=n", "-c", "user.email=n@example.org", "-c", "safe.directory=*",
                           *arguments, cwd=tmp_path)

    def commit(text):
        (tmp_path / "work/file").write_text(text)
        git("add", "file")
        git("commit", "-q", "-m", text)

    git("init", "-q", "-b", "main", "work", at=".")
    with clients.running() as server, clients.nginx(server) as port:
        git("init", "-q", "--bare", "-b", "main", server.data / "r.git", at=".")
        git("update-server-info", at=server.data / "r.git")
        clients.writing.give(server.data)
        url = clients.url(server, "r.git", port)
        commit("one")
        git("push", "-q", url, "main")
        commit("two")
        git("push", "-q", url, "main", "main:other")
        git("push", "-q", url, ":other")
        git("clone", "-q", url, "back", at=".")
        assert (tmp_path / "back/file").read_text() == "two"
        assert git("log", "--format=%s", at="back").split() == ["two", "one"]
        assert git("for-each-ref", "--format=%(refname)", at=server.data / "r.git").split() == ["refs/heads/main"]
        asked = clients.requests(server)
    assert {m for m, _, _ in asked} >= {"LOCK", "PUT", "MOVE", "DELETE", "UNLOCK"}
    assert not [r for r in asked if r[2] >= 400 and r[2] != 404 and r[0] != "MKCOL"]
