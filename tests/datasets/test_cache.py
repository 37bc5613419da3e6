"""Downloads against a server on this machine that misbehaves on demand, and archives
that mean harm.
"""

import contextlib
import hashlib
import io
import os
import signal
import socket
import stat
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from d2l_attention.datasets import cache

CONTENT = bytes(range(256)) * 2000  # half a megabyte
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT under addresses that say how: /right, /wrong, /short, /404, ..."""

    def do_GET(self):
        self.server.requests.append(self.path)
        if self.path == "/flaky":
            self.path = "/right" if self.server.requests.count("/flaky") == 3 else "/503"
        if self.path == "/cut-once":
            self.path = "/right" if self.server.requests.count("/cut-once") == 2 else "/cut"
        if self.path in ("/404", "/503"):
            self.send_error(int(self.path[1:]))
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/right")
            self.end_headers()
            return
        self.send_response(200)
        if self.path == "/gzip" and "gzip" in self.headers.get("Accept-Encoding", ""):
            # What some servers do to .gz files
            self.send_header("Content-Encoding", "gzip")
        self.send_header(
            "Content-Length",
            str(len(CONTENT) // 2 if self.path == "/short" else len(CONTENT)),
        )
        self.end_headers()
        self.send(self.path)

    def send(self, path):
        half = len(CONTENT) // 2
        if path == "/wrong":
            self.wfile.write(CONTENT[::-1])
        # Half of what is right; /cut breaks what its header promised
        elif path in ("/short", "/cut"):
            self.wfile.write(CONTENT[:half])
        elif path == "/stuck":
            self.wfile.write(CONTENT[:half])
            self.server.may_go_on.wait(timeout=60)
            with contextlib.suppress(ConnectionError):  # the client may have given up
                self.wfile.write(CONTENT[half:])
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server with `requests` (the paths asked for), `may_go_on` (an event) and
    `url(path)`.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.may_go_on = [], threading.Event()
    server.url = lambda path: f"http://127.0.0.1:{server.server_port}{path}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.may_go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("D2L_ATTENTION_DATA", str(tmp_path / "cache"))
    monkeypatch.setattr(cache, "PAUSE", 0.01)
    return tmp_path / "cache"


def fetch(*urls, **more):
    return cache.fetch(
        "digits",
        "a.bin",
        **({"urls": urls, "sha256": SHA256, "size": len(CONTENT)} | more),
    )


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_downloads_once_then_never_asks_again(server, folder, capsys):
    path = fetch(server.url("/right"))
    assert path == folder / "digits" / "a.bin" and path.read_bytes() == CONTENT
    assert "a.bin" in capsys.readouterr().out
    assert fetch(server.url("/right")) == path
    assert server.requests == ["/right"] and files(folder) == ["digits/a.bin"]
    assert capsys.readouterr() == ("", "")


def test_the_file_is_as_readable_as_any_new_file(server, folder, tmp_path):
    (tmp_path / "plain").touch()
    assert fetch(server.url("/right")).stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_progress_can_be_switched_off(server, folder, capsys):
    fetch(server.url("/right"), progress=False)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("path", ["/moved", "/gzip"])
def test_what_ordinary_servers_do_is_understood(server, folder, path):
    assert fetch(server.url(path)).read_bytes() == CONTENT


def test_a_file_in_a_subfolder(server, folder):
    path = cache.fetch(
        "digits",
        "extra/b.bin",
        urls=[server.url("/right")],
        sha256=SHA256,
        size=len(CONTENT),
    )
    assert files(folder) == ["digits/extra/b.bin"] and path.read_bytes() == CONTENT


def test_a_sum_in_capitals_is_the_same_sum(server, folder):
    assert fetch(server.url("/right"), sha256=SHA256.upper()).is_file()


@pytest.mark.parametrize(
    "path, message, requests",
    [
        ("/wrong", "its SHA-256 is", 1),
        ("/short", f"{len(CONTENT) // 2} bytes instead of {len(CONTENT)}", 1),
    ],
)
def test_another_file_is_refused_and_not_kept(server, folder, path, message, requests):
    with pytest.raises(ValueError, match=message) as caught:
        fetch(server.url(path))
    assert str(folder / "digits" / "a.bin") in str(caught.value) and SHA256 in str(caught.value)
    assert files(folder) == [] and len(server.requests) == requests


@pytest.mark.parametrize(
    "path, message, requests", [("/404", "404", 1), ("/503", "503", 3), ("/cut", "", 3)]
)
def test_a_server_that_does_not_send_the_file(server, folder, path, message, requests):
    with pytest.raises(ConnectionError, match=f"cannot download a.bin:\n.*{path}.*{message}"):
        fetch(server.url(path))
    assert files(folder) == [] and len(server.requests) == requests


def test_a_server_that_falls_silent(server, folder, monkeypatch):
    monkeypatch.setattr(cache, "TIMEOUT", 0.2)
    monkeypatch.setattr(cache, "ATTEMPTS", 2)
    start = time.monotonic()
    with pytest.raises(ConnectionError, match="timed out"):
        fetch(server.url("/stuck"))
    assert time.monotonic() - start < 10
    assert files(folder) == [] and len(server.requests) == 2


@pytest.mark.parametrize("path, requests", [("/flaky", 3), ("/cut-once", 2)])
def test_a_failure_that_passes_is_outlasted(server, folder, path, requests):
    assert fetch(server.url(path)).read_bytes() == CONTENT
    assert server.requests == [path] * requests


@pytest.mark.parametrize("first", ["/404", "/wrong", "/short", "/503"])
def test_the_next_address_is_tried(server, folder, first):
    assert fetch(server.url(first), server.url("/right")).read_bytes() == CONTENT
    assert server.requests[0] == first and server.requests[-1] == "/right"


def test_offline_the_message_says_which_file_to_put_where(folder):
    with socket.socket() as free:  # a port at which nobody listens
        free.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionError) as caught:
            fetch(f"http://127.0.0.1:{free.getsockname()[1]}/a.bin")
    for part in (
        str(folder / "digits" / "a.bin"),
        SHA256,
        f"{len(CONTENT)} bytes",
        "D2L_ATTENTION_DATA",
    ):
        assert part in str(caught.value)
    assert files(folder) == []


def test_a_spoilt_file_in_the_cache_is_named_and_left_alone(server, folder):
    path = folder / "digits" / "a.bin"
    path.parent.mkdir(parents=True)
    for content in (CONTENT[:-1], CONTENT[::-1]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="Delete it and try again") as caught:
            fetch(server.url("/right"))
        assert str(path) in str(caught.value)
        assert path.read_bytes() == content and server.requests == []


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\\..\\..\\x", "C:x", "a\0b"],
)
def test_names_that_leave_the_cache_are_refused(folder, name):
    for names in ((name, "a.bin"), ("digits", name)):
        with pytest.raises(ValueError, match="must be relative and stay in its folder"):
            cache.fetch(*names, urls=[], sha256=SHA256, size=1)
    assert not folder.exists()


def test_the_environment_names_the_folder_and_the_system_the_default(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("D2L_ATTENTION_DATA", "~/data")
    assert cache.folder() == tmp_path / "data"
    for unset in (
        lambda: monkeypatch.setenv("D2L_ATTENTION_DATA", ""),
        lambda: monkeypatch.delenv("D2L_ATTENTION_DATA"),
    ):
        unset()
        assert cache.folder().name == "d2l_attention" and tmp_path in cache.folder().parents


def test_a_folder_that_cannot_be_made_is_named(server, folder):
    folder.write_text("a file in the folder's place")
    with pytest.raises(
        OSError, match="set D2L_ATTENTION_DATA to a folder that can be written"
    ) as caught:
        fetch(server.url("/right"))
    assert str(folder) in str(caught.value) and server.requests == []


@pytest.fixture
def read_only(folder):
    (folder / "digits").mkdir(parents=True)
    (folder / "digits").chmod(0o555)
    yield folder
    (folder / "digits").chmod(0o755)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0,
    reason="the system's superuser may write anywhere",
)
def test_a_read_only_folder_is_named(server, read_only):
    with pytest.raises(PermissionError, match="D2L_ATTENTION_DATA"):
        fetch(server.url("/right"))
    assert server.requests == []


def test_a_file_in_a_read_only_folder_is_used(server, folder):
    fetch(server.url("/right"))
    (folder / "digits").chmod(0o555)
    try:
        assert fetch().read_bytes() == CONTENT
    finally:
        (folder / "digits").chmod(0o755)


# A shell starts background jobs with interrupts ignored, and their children inherit
# that: listen to them again.
FETCH = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import test_cache
print(test_cache.fetch(sys.argv[1]), flush=True)
"""


def in_another_process(url, folder):
    tests = Path(__file__).parent
    paths = {
        "PYTHONPATH": f"{tests.parent}{os.pathsep}{tests}",
        "D2L_ATTENTION_DATA": str(folder),
    }
    command = [sys.executable, "-c", FETCH, url]
    return subprocess.Popen(command, env=os.environ | paths, stdout=subprocess.PIPE, text=True)


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_an_interrupted_download_leaves_no_half_file_and_works_the_next_time(server, folder, how):
    process = in_another_process(server.url("/stuck"), folder)
    wait_for(lambda: any((folder / name).stat().st_size for name in files(folder)))
    assert files(folder) != ["digits/a.bin"]
    process.send_signal(how)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert not (folder / "digits" / "a.bin").exists()
    if how == signal.SIGINT:
        assert files(folder) == []
    assert fetch(server.url("/right")).read_bytes() == CONTENT


def test_two_processes_at_once_both_get_the_whole_file(server, folder):
    both = [in_another_process(server.url("/stuck"), folder) for _ in range(2)]
    wait_for(lambda: server.requests == ["/stuck"] * 2 and len(files(folder)) == 2)
    assert "digits/a.bin" not in files(folder)
    server.may_go_on.set()
    for process in both:
        assert (
            process.communicate(timeout=60)[0].splitlines()[-1].endswith("a.bin")
            and process.returncode == 0
        )
    assert (
        files(folder) == ["digits/a.bin"] and (folder / "digits" / "a.bin").read_bytes() == CONTENT
    )


PLAIN = {"a.txt": b"one", "deep/er/b.txt": b"two", "deep/empty": b""}


def tar(path, members, kind="gz"):
    """Write a tar file with nothing checked; a member's content may be a TarInfo type
    instead of bytes.
    """
    with tarfile.open(path, f"w:{kind}") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.mode = 0o4777
            if content in TYPES:
                member.type, member.linkname = (
                    content,
                    "/etc/passwd" if content == tarfile.SYMTYPE else "a.txt",
                )
                opened.addfile(member)
            else:
                member.size = len(content)
                opened.addfile(member, io.BytesIO(content))
    return path


TYPES = (
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
    tarfile.DIRTYPE,
)


def zip_(path, members):
    """Write a zip file with nothing checked; content `tarfile.SYMTYPE` makes a symbolic
    link.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            if content == tarfile.SYMTYPE:
                member.external_attr, content = (
                    (stat.S_IFLNK | 0o777) << 16,
                    b"/etc/passwd",
                )
            opened.writestr(member, content)
    return path


def pack(kind, path, members):
    return zip_(path, members) if kind == "zip" else tar(path, members, kind)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "", "zip"])
def test_archives_are_unpacked(tmp_path, kind):
    source = pack(
        kind,
        tmp_path / "archive",
        PLAIN | ({} if kind == "zip" else {"nothing": tarfile.DIRTYPE}),
    )
    target = cache.extract(source, tmp_path / "new" / "data")
    assert target == tmp_path / "new" / "data"
    assert {name: (target / name).read_bytes() for name in files(target)} == PLAIN
    (tmp_path / "plain").touch()
    assert (target / "a.txt").stat().st_mode == (
        tmp_path / "plain"
    ).stat().st_mode  # not what the archive asked for
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["data"]


def test_a_folder_that_is_there_is_returned_as_it_is(tmp_path):
    (tmp_path / "data").mkdir()
    assert cache.extract(tmp_path / "no such archive", tmp_path / "data") == tmp_path / "data"
    assert files(tmp_path / "data") == []


@pytest.mark.parametrize("kind", ["gz", "zip"])
@pytest.mark.parametrize(
    "name", ["../escaped", "a/../../escaped", "/escaped", "..\\escaped", "C:escaped"]
)
def test_a_member_that_would_land_elsewhere_stops_everything(tmp_path, kind, name):
    source = pack(kind, tmp_path / "archive", PLAIN | {name: b"evil"})
    with pytest.raises(ValueError, match="must be relative and stay in its folder"):
        cache.extract(source, tmp_path / "new" / "data")
    assert files(tmp_path) == ["archive"] and list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    "type_", TYPES[:-1], ids=["symlink", "hardlink", "character", "block", "fifo"]
)
def test_links_and_devices_in_a_tar_stop_everything(tmp_path, type_):
    source = tar(tmp_path / "archive", PLAIN | {"link": type_, "link/passwd": b"evil"})
    with pytest.raises(ValueError, match="a link or a device, 'link'"):
        cache.extract(source, tmp_path / "data")
    assert files(tmp_path) == ["archive"]


def test_links_in_a_zip_stop_everything(tmp_path):
    with pytest.raises(ValueError, match="a link or a device, 'link'"):
        cache.extract(
            zip_(tmp_path / "archive", PLAIN | {"link": tarfile.SYMTYPE}),
            tmp_path / "data",
        )
    assert files(tmp_path) == ["archive"]


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "", "zip"])
def test_a_damaged_archive_stops_everything(tmp_path, kind):
    noise = os.urandom(200_000)
    source = pack(kind, tmp_path / "archive", PLAIN | {"noise": noise})
    content = bytearray(source.read_bytes())
    if kind == "zip":
        # Its table of contents is at the end: damage the middle
        content[50_000:50_004] = b"\0" * 4
    source.write_bytes(content if kind == "zip" else content[:100_000])
    with pytest.raises(ValueError, match=r"is damaged|neither a tar nor a zip"):
        cache.extract(source, tmp_path / "data")
    assert files(tmp_path) == ["archive"]


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "archive").write_bytes(CONTENT)
    with pytest.raises(ValueError, match="neither a tar nor a zip"):
        cache.extract(tmp_path / "archive", tmp_path / "data")
    with pytest.raises(FileNotFoundError):
        cache.extract(tmp_path / "missing", tmp_path / "data")


def test_a_second_process_that_unpacked_first_wins(tmp_path, monkeypatch):
    source = tar(tmp_path / "archive", PLAIN)
    plain_files = cache._plain_files

    def slow(path):
        yield from plain_files(path)
        (tmp_path / "data").mkdir()  # meanwhile, the other one is done
        (tmp_path / "data" / "theirs").touch()

    monkeypatch.setattr(cache, "_plain_files", slow)
    assert cache.extract(source, tmp_path / "data") == tmp_path / "data"
    assert files(tmp_path) == ["archive", "data/theirs"]
