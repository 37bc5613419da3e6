"""Downloads against a server on this machine that misbehaves on demand."""

import contextlib
import hashlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from d2l_attention.datasets import cache

CONTENT = bytes(range(256)) * 2000  # half a megabyte
SHA256 = hashlib.sha256(CONTENT).hexdigest()


NOWHERE = {
    "/no-address": "http://[::1",
    "/no-port": "http://127.0.0.1:99999999/",
    "/no-scheme": "gopher://127.0.0.1/",
    "/no-end": "/no-end",
    "/no-letter": "http://\xff\xfe.example/\xff",
}
LENGTHS = {"/abc": "abc", "/minus": "-1", "/two": "5, 7", "/endless": str(10**18)}


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
        if self.path in ("/moved", "/moved-endless"):
            self.send_response(302)
            self.send_header("Location", "/right")
            self.end_headers()
            self.send(self.path)
            return
        if self.path in NOWHERE:
            self.send_response(302)
            self.send_header("Location", NOWHERE[self.path])
            self.end_headers()
            return
        self.send_response(200)
        if self.path in LENGTHS:
            self.send_header("Content-Length", LENGTHS[self.path])
            self.end_headers()
            self.send(self.path)
            return
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
        elif path in ("/endless", "/moved-endless"):
            with contextlib.suppress(ConnectionError):  # when the client has had enough
                while not self.server.may_go_on.is_set():
                    self.wfile.write(CONTENT)
                    self.server.sent += len(CONTENT)
        elif path == "/stuck":
            self.wfile.write(CONTENT[:half])
            self.server.may_go_on.wait(timeout=60)
            with contextlib.suppress(ConnectionError):  # the client may have given up
                self.wfile.write(CONTENT[half:])
        elif path != "/moved":
            self.wfile.write(CONTENT)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    """A server with `requests` (the paths asked for), `may_go_on` (an event), `sent` (bytes of
    what does not end) and `url(path)`.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests, server.may_go_on, server.sent = [], threading.Event(), 0
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


@pytest.mark.parametrize("path", ["/moved", "/moved-endless", "/gzip"])
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
        ("/wrong", "hash of downloaded file", 1),
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


@pytest.mark.parametrize(
    "first", ["/404", "/wrong", "/short", "/503", "/endless", "/two", *NOWHERE]
)
def test_the_next_address_is_tried(server, folder, first):
    assert fetch(server.url(first), server.url("/right")).read_bytes() == CONTENT
    assert server.requests[0] == first and server.requests[-1] == "/right"


@pytest.mark.parametrize("path", ["/abc", "/minus"])
def test_a_length_that_is_none_does_not_matter(server, folder, path):
    assert fetch(server.url(path)).read_bytes() == CONTENT


@pytest.mark.parametrize("path", NOWHERE)
def test_a_server_that_leads_nowhere_is_a_failed_connection(server, folder, path):
    with pytest.raises(ConnectionError, match=r"cannot download a\.bin") as caught:
        fetch(server.url(path))
    assert "Get the file elsewhere" in str(caught.value) and server.url(path) in str(caught.value)
    assert files(folder) == []


def test_an_answer_without_end_is_left_as_soon_as_it_is_too_long(server, folder):
    with pytest.raises(ValueError, match=rf"more than {len(CONTENT)} bytes"):
        fetch(server.url("/endless"))
    assert files(folder) == [] and server.requests == ["/endless"]
    assert server.sent < 50 * len(CONTENT)  # what fits into the system's buffers


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
from tests.datasets.test_cache import fetch
print(fetch(sys.argv[1]), flush=True)
"""


def in_another_process(url, folder):
    paths = {
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
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
