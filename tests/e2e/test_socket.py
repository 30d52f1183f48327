"""DIR/api.sock: zrms' own user and root need no token, and nobody else gets in."""
import http.client
import json
import os
import pathlib
import shutil
import socket
import stat
import subprocess
import tempfile

import pytest

from conftest import BIN, run, until

OWNER = ["setpriv", "--reuid=4321", "--regid=4321", "--clear-groups"]
STRANGER = ["setpriv", "--reuid=4322", "--regid=4322", "--clear-groups"]
ASK = "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]); s.settimeout(10); " \
      "s.sendall(b'GET /v1/users HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n'); " \
      "print(s.recv(100).split(b'\\r\\n')[0].decode() or 'closed')"

CUT = ("closed", "ConnectionResetError: [Errno 104] Connection reset by peer", "BrokenPipeError: [Errno 32] Broken pipe")


def shell(path, *words, prefix=(), check=True):
    environment = {"PATH": os.environ["PATH"], "ZRMS_URL": f"unix:{path}", "NO_COLOR": "1", "HOME": "/nonexistent"}
    return run(*prefix, BIN / "zshell", *words, check=check, env=environment)


def asked_by(prefix, path):
    done = run(*prefix, "/usr/bin/python3", "-c", ASK, path, check=False)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def test_the_socket_needs_no_token_and_is_gone_after_the_end(start_cluster):
    c = start_cluster(zhosts=["n1"])
    path = c.directory / "zrms" / "api.sock"
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "n1" in shell(path, "cluster", "zhosts").stdout
    shell(path, "cluster", "cordon", "n1")
    line = json.loads(shell(path, "cluster", "audit", "--json").stdout.splitlines()[-1])
    assert (line["user"], line["address"], line["outcome"]) == ("operator", "socket", "done")
    # Who shows a token is who it says, here as elsewhere.
    ann = json.loads(shell(path, "user", "create", "ann", "--role", "viewer", "-o", "json").stdout)["token"]
    file = c.directory / "ann"
    file.write_text(ann + "\n")
    file.chmod(0o600)
    refused = shell(path, "--token-file", file, "cluster", "uncordon", "n1", check=False)
    assert refused.returncode == 1 and "ann has the role viewer" in refused.stderr
    file.write_text("smzu_" + "a" * 43 + "\n")
    assert "the token is not known here" in shell(path, "--token-file", file, "status", check=False).stderr
    # A stream, too, and what a crash leaves is replaced.
    seen = c.directory / "seen"
    with subprocess.Popen([BIN / "zshell", "--api", f"unix:{path}", "events", "-f"], stdout=seen.open("wb"),
                          stderr=subprocess.STDOUT) as events:
        try:
            shell(path, "cluster", "uncordon", "n1")
            until(lambda: "uncordoned by operator" in seen.read_text(), "the stream has begun")
            c.zrms.kill()
            assert path.exists()
            c.start_zrms()
            shell(path, "user", "rm", "ann")
            until(lambda: "user/ann" in seen.read_text(), "the stream goes on")
        finally:
            events.kill()
    c.zrms.process.terminate()
    c.zrms.process.wait()
    assert not path.exists()
    assert "zrms cannot be reached at unix:" in shell(path, "status", check=False).stderr


def test_a_path_longer_than_an_address_of_a_socket(start_cluster):
    c = start_cluster(zhosts=())
    path = c.directory / "zrms" / "api.sock"
    long = c.directory / ("d" * 200)
    long.symlink_to(path.parent)
    assert len(str(long)) > 108 and "NAME" in shell(long / "api.sock", "cluster", "zhosts").stdout


@pytest.fixture(params=[()])
def owned(request):
    """A zrms of an ordinary user, in a directory that others can enter; how others use its socket."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    directory = pathlib.Path(tempfile.mkdtemp(prefix="samoza-e2e-"))
    directory.chmod(0o755)
    own = directory / "zrms"
    own.mkdir()
    os.chown(own, 4321, 4321)
    with (directory / "log").open("ab") as log:
        zrms = subprocess.Popen([*OWNER, *request.param, BIN / "zrms", "--dir", own, "--listen", "127.0.0.1:0"], stdout=log, stderr=log)
    try:
        until((own / "address").exists, "zrms listens")
        own.chmod(0o755)
        yield own / "api.sock"
    finally:
        zrms.kill()
        zrms.wait()
        shutil.rmtree(directory)


def test_only_its_own_user_and_root_are_let_in(owned):
    assert asked_by(OWNER, owned) == "HTTP/1.1 200 OK"
    assert asked_by([], owned) == "HTTP/1.1 200 OK"
    assert "PermissionError" in asked_by(STRANGER, owned)
    owned.chmod(0o666)  # then the kernel's word remains
    assert asked_by(STRANGER, owned) in CUT
    assert asked_by(OWNER, owned) == "HTTP/1.1 200 OK"


def test_a_program_of_the_same_user_that_was_confined_is_not_its_owner(owned):
    for more in (["setpriv", "--no-new-privs"], ["setpriv", "--no-new-privs", "unshare", "--user", "--pid", "--fork"]):
        assert asked_by([*OWNER, *more], owned) in CUT


@pytest.mark.parametrize("owned", [(), ("setpriv", "--no-new-privs")], indirect=True)
def test_a_program_in_other_namespaces_is_not_its_owner_also_where_zrms_cannot_gain_privileges(owned):
    assert asked_by(OWNER, owned) == "HTTP/1.1 200 OK"
    assert asked_by(["unshare", "--mount"], owned) == "HTTP/1.1 200 OK"  # root
    for prefix in (["unshare", "--mount", *OWNER], [*OWNER, "unshare", "--user"], [*OWNER, "setpriv", "--no-new-privs", "unshare", "--user"]):
        assert asked_by(prefix, owned) in CUT


def test_pages_of_other_sites_cannot_use_it(owned):
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(owned))
    connection.request("GET", "/v1/users", headers={"Origin": "http://evil.example"})
    assert connection.getresponse().status == 403
    connection.close()
