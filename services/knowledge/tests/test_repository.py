"""A Git repository as a source, served by git's own HTTP program on this machine."""

import ipaddress
import os
import subprocess

import pytest
from plugins.local_site import serving

from onethread.knowledge import repository
from onethread.knowledge.reading.isolation import Reader
from onethread.knowledge.repository import Repository
from onethread.knowledge.sources import Source, SourceStore
from onethread.knowledge.sync_pass import Pass, SyncFailedError
from onethread.runtime.fetching import Guard

pytestmark = pytest.mark.skipif(not repository.shutil.which("git"), reason="the program git is not installed")


def git(folder, *arguments):
    names = {f"GIT_{who}_{what}": "test@x.example" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {**os.environ, **names, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, timeout=30)


@pytest.fixture
def work(tmp_path):
    """A repository to write in, with `commit`."""
    folder = tmp_path / "served" / "docs"
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    return folder


def commit(work, **files):
    for name, text in files.items():
        path = work / name.replace("__", "/").replace("_md", ".md")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "change")


@pytest.fixture
def site(work):
    """Answers whatever is asked with `git http-backend`, as a CGI program."""

    def backend(request):
        path, _, query = request.path.partition("?")
        body = request.rfile.read(int(request.headers.get("content-length") or 0))
        env = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(work.parent),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": request.command,
            "CONTENT_TYPE": request.headers.get("content-type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": request.headers.get("git-protocol", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("content-encoding", ""),
            "REMOTE_USER": "anyone",
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=env, capture_output=True, timeout=30, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        named = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        request.send_response(int(next((v.split()[0] for n, v in named if n == "Status"), "200")))
        for name, value in named:
            if name != "Status":
                request.send_header(name, value)
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    with serving() as site:
        site.pages = _Everything(backend)
        yield site


class _Everything(dict):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def get(self, *_):
        return self.answer


@pytest.fixture
def follow(site, store, tmp_path):
    """One pass; gives the commit that was read. `pages` are the source's, by path."""
    sources = SourceStore(store)
    (tmp_path / "scratch").mkdir()

    def follow(path="/docs/.git", allowed="127.0.0.0/8", schemes=frozenset({"http"}), host="127.0.0.1", **options):
        limits = {name: options.pop(name) for name in ("size", "seconds") if name in options}
        mark = options.pop("mark", None)
        location = f"http://{host}:{site.port}{path}"
        source = Source("acme", "git", "git", "Docs", location, options, mark=mark)
        sources.add(source)
        guard = Guard((ipaddress.ip_network(allowed),), frozenset({site.port}), lambda *_: ["127.0.0.1"])
        with Reader() as reader:
            on = Pass(sources, source, reader)
            try:
                return Repository(on, guard, tmp_path / "scratch", schemes, **limits).run()
            finally:
                assert list((tmp_path / "scratch").iterdir()) == [], "nothing of the clone is left"

    follow.pages = lambda: {page.key: page for page in sources.pages(Source("acme", "git", "git", "Docs"))}
    return follow


def titles(store):
    return sorted(version.article.title for version in store.pending(1_000))


def test_the_files_of_a_folder_become_articles_and_follow_their_changes(work, follow, store):
    commit(work, help__a_md="# A\n\nText.", help__deep__b_md="# B\n\nText.", other_md="# Other\n\nText.", help__x="\0")
    first = follow(folder="help")
    assert follow.pages().keys() == {"a.md", "deep/b.md"}
    assert titles(store) == ["A", "B"]
    (work / "help" / "deep" / "b.md").unlink()
    commit(work, help__a_md="# A\n\nNewer.")
    assert follow(folder="help", mark=first) != first
    assert [(v.article.text, v.number) for v in store.pending(9)] == [("Newer.", 2)]


def test_a_commit_that_is_known_is_not_read_again(work, follow, store):
    commit(work, a_md="# A\n\nText.")
    mark = follow()
    before = follow.pages()
    assert follow(mark=mark) == mark
    assert follow.pages() == before


def test_another_branch_may_be_chosen(work, follow, store):
    commit(work, a_md="# A\n\nText.")
    git(work, "checkout", "-q", "-b", "next")
    commit(work, b_md="# B\n\nText.")
    git(work, "checkout", "-q", "main")
    follow(branch="next")
    assert titles(store) == ["A", "B"]
    with pytest.raises(SyncFailedError, match="no such branch"):
        follow(branch="nowhere")


def test_links_and_hooks_of_a_stranger_do_nothing(work, follow, store, tmp_path):
    """A symbolic link out of the repository, a filter that LFS would run, a submodule of another protocol."""
    canary = tmp_path / "canary.md"
    canary.write_text("# Canary\n\nA secret of this machine.")
    (work / "link.md").symlink_to(canary)
    (work / ".gitattributes").write_text("*.md filter=lfs\n")
    (work / ".gitmodules").write_text(f'[submodule "x"]\n\tpath = x\n\turl = {tmp_path}\n')
    commit(work, a_md="# A\n\nText.")
    follow()
    assert titles(store) == ["A"]


def test_a_private_address_is_refused_before_git_starts(work, follow, site):
    commit(work, a_md="# A\n\nText.")
    with pytest.raises(SyncFailedError, match="may not be asked"):
        follow(allowed="10.0.0.0/8")
    assert site.asked == []


def test_git_connects_to_the_address_that_was_checked(work, follow, site, store):
    """The name is known to our resolver alone: git cannot have asked another one."""
    commit(work, a_md="# A\n\nText.")
    follow(host="only-here.example")
    assert titles(store) == ["A"]
    assert site.asked[0][1]["host"] == f"only-here.example:{site.port}"


@pytest.mark.parametrize(
    "location", ["file:///etc", "ssh://git@x.example/a", "ext::sh -c date", "--upload-pack=x", "/etc"]
)
def test_only_https_is_spoken(store, tmp_path, location):
    source = Source("acme", "git", "git", "Docs", location)
    SourceStore(store).add(source)
    with Reader() as reader, pytest.raises(SyncFailedError, match="Only https"):
        Repository(Pass(SourceStore(store), source, reader), Guard(), tmp_path).run()


def test_what_cannot_be_fetched_removes_nothing(work, follow, site, store):
    commit(work, a_md="# A\n\nText.")
    follow()
    with pytest.raises(SyncFailedError, match="no repository at this address"):
        follow(path="/nothing/.git")
    with pytest.raises(SyncFailedError, match="no file in the folder nowhere"):
        follow(folder="nowhere")
    site.pages = {"/docs/.git/info/refs?service=git-upload-pack": (302, {"location": "http://127.0.0.1:1/"}, b"")}
    with pytest.raises(SyncFailedError, match="redirects"):
        follow()
    assert titles(store) == ["A"]


def test_what_is_too_large_or_takes_too_long_is_given_up(work, follow, site, store):
    commit(work, a_md="# A\n\nText.", noise=os.urandom(3_000_000).hex())
    with pytest.raises(SyncFailedError, match="larger than"):
        follow(size=1_000)

    def silent(request):
        request.rfile.read(1)
        request.close_connection = True

    site.pages = _Everything(silent)
    with pytest.raises(SyncFailedError, match="took longer"):
        follow(seconds=0.3)
