"""What must be refused: each with a clear message and the right status, and nothing is kept."""
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import zipfile

import pytest

from conftest import BIN, run, token_of, until

MEX = {"Content-Type": "application/vnd.samoza.mex+zip"}


def until_recorded(cluster):
    """Its recorder begins its file beside it: what comes into the directory later came of a refused package."""
    until(lambda: any((cluster.directory / "zrms" / "recorder").glob("*.recording")), "zrms records")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """One cluster for the whole file: refusals must leave it as it was."""
    from conftest import Cluster
    cluster = Cluster(tmp_path_factory.mktemp("bad"), zhosts=["edge-node-1"])
    directory = cluster.app("victim", [{"name": "a", "type": "CALL"}, {"name": "p", "type": "UI"}])
    cluster.good = cluster.build(directory, "victim")
    cluster.trusts = ["--trust", f"{cluster.key}.pub"]
    until_recorded(cluster)
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def open_desk(tmp_path_factory):
    """Takes unsigned packages, so that what stands behind the signature is reached."""
    from conftest import Cluster
    cluster = Cluster(tmp_path_factory.mktemp("open"), zhosts=[], zrms_options=["--allow-unsigned"])
    directory = cluster.app("victim", [{"name": "a", "type": "CALL"}, {"name": "p", "type": "UI"}])
    cluster.good = cluster.directory / "victim.mex"
    run(BIN / "mex", "build", directory, "-o", cluster.good)
    cluster.trusts = []
    until_recorded(cluster)
    yield cluster
    cluster.stop()


def refused(desk, data, *words, status=422):
    """zrms, zshell and mex all say what is wrong, in the same words; nothing stays."""
    before = kept(desk)
    code, answer = desk.request("POST", "/v1/topologies", data, MEX)
    assert code == status, answer
    text = json.dumps(answer["error"])
    for word in words:
        assert word in text, f"{word!r} is not in {text}"
    path = desk.directory / "refused.mex"
    path.write_bytes(data)
    shown = desk.zshell("topo", "submit", path, check=False)
    assert shown.returncode == 1 and shown.stderr.strip(), shown
    found = run(BIN / "mex", "validate", path, *desk.trusts, check=False)
    assert found.returncode == 1, found
    for sentence in answer["error"]["details"] or [answer["error"]["message"]]:
        assert sentence in found.stderr, (sentence, found.stderr)
    assert desk.get("/v1/topologies")["topologies"] == []
    until(lambda: kept(desk) == before, "what came of it is gone")
    assert desk.get("/healthz")["status"] == "ok"


def kept(desk):
    """Names of what zrms stores of uploads; artifacts of refused ones must not stay."""
    # os.walk, because directories of what was refused go meanwhile.
    found = [os.path.relpath(os.path.join(place, name), desk.directory)
             for place, _, names in os.walk(desk.directory / "zrms") for name in names]
    return sorted(path for path in found if "cache" not in pathlib.Path(path).parts and not path.endswith(("-wal", "-shm")))


def entries(path):
    with zipfile.ZipFile(path) as archive:
        return {i.filename: archive.read(i) for i in archive.infolist()}


def repack(files, path, attributes=None):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.create_system = 3
            info.external_attr = (attributes or {}).get(name, 0o100644) << 16
            archive.writestr(info, data)
    return path.read_bytes()


def test_a_truncated_archive_is_refused(desk):
    data = desk.good.read_bytes()
    for size in (0, 1, 30, len(data) // 2, len(data) - 1):
        refused(desk, data[:size])


def test_a_flipped_byte_in_any_file_is_refused(desk, tmp_path):
    for name, data in entries(desk.good).items():
        files = entries(desk.good)
        middle = len(data) // 2
        files[name] = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1:]
        refused(desk, repack(files, tmp_path / "flipped.mex"))


def test_an_unsigned_package_and_an_unknown_key_are_refused(desk, tmp_path):
    unsigned = tmp_path / "unsigned.mex"
    run(BIN / "mex", "build", desk.directory / "src" / "victim", "-o", unsigned)
    refused(desk, unsigned.read_bytes(), "sign", status=403)
    run(BIN / "mex", "keygen", "-o", tmp_path / "stranger")
    run(BIN / "mex", "sign", unsigned, "--key", tmp_path / "stranger")
    refused(desk, unsigned.read_bytes(), "key", status=403)


def test_a_wrong_signature_is_refused(desk, tmp_path):
    files = entries(desk.good)
    manifest = files["manifest.yaml"].decode()
    files["manifest.yaml"] = manifest.replace("example.com", "exbmple.com").encode()
    refused(desk, repack(files, tmp_path / "wrong.mex"), "signature", status=403)


def test_a_file_missing_from_the_integrity_list_is_refused(desk, tmp_path):
    files = entries(desk.good)
    files["spaces/a/extra.txt"] = b"more"
    refused(desk, repack(files, tmp_path / "extra.mex"), "extra.txt")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "spaces/../../evil", "a\\..\\evil"])
def test_names_that_escape_the_archive_are_refused(desk, tmp_path, name):
    files = entries(desk.good)
    files[name] = b"evil"
    refused(desk, repack(files, tmp_path / "names.mex"), "evil")


def test_a_link_in_an_archive_is_refused(desk, tmp_path):
    files = entries(desk.good)
    files["spaces/a/link"] = b"/etc/passwd"
    refused(desk, repack(files, tmp_path / "link.mex", {"spaces/a/link": 0o120777}), "link")


def test_a_zip_bomb_is_refused(desk, tmp_path):
    path = tmp_path / "bomb.mex"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries(desk.good).items():
            archive.writestr(name, data)
        archive.writestr("spaces/a/zeros", b"\0" * (100 << 20))
    refused(desk, path.read_bytes(), "100 to 1", status=413)


def listed(files, path, version="1.0.0", **more):
    """An archive of another ZIP tool, with a right list of its files and no signature; `more` is in its manifest, too."""
    import hashlib
    hashes = [{"path": n, "hash": hashlib.sha256(d).hexdigest()}
              for n, d in sorted(files.items()) if n != "manifest.yaml"]
    files["manifest.yaml"] = json.dumps({
        "apiVersion": "samoza/v1", "kind": "MEX",
        "metadata": {"name": "victim", "version": version, "publisher": "example.com",
                     "created": "2026-04-29T10:30:00Z"},
        "spec": {"topology": "topology.yaml", "spaces": ["a", "p"]},
        **more, "integrity": {"algorithm": "sha256", "files": hashes}}, indent=1).encode() + b"\n"
    return repack(files, path)


WRONG = """apiVersion: samoza/v1
kind: Topology
metadata: {name: victim}
spaces:
  - {name: a, type: CALL, count: many}
  - {name: p, type: UIX}
"""


def test_yaml_of_a_wrong_type_is_reported_with_every_position(open_desk, tmp_path):
    files = entries(open_desk.good)
    files["topology.yaml"] = WRONG.encode()
    refused(open_desk, listed(files, tmp_path / "wrong.mex"), "topology.yaml:5:", "topology.yaml:6:")
    directory = tmp_path / "source"
    shutil.copytree(open_desk.directory / "src" / "victim", directory)
    (directory / "topology.yaml").write_text(WRONG)
    shown = run(BIN / "mex", "validate", directory, check=False)
    assert shown.returncode == 1
    text = shown.stdout + shown.stderr
    assert "topology.yaml:5:" in text and "topology.yaml:6:" in text, text


POLICIES = [
    ({"policy": "bluegreen"}, "must be one of replace, rolling, canary, blue-green"),
    ({"policy": "rolling", "batch": "0"}, "expected a number such as 2, or a percentage such as 25%"),
    ({"policy": "rolling", "batch": "101%"}, "a percentage from 1% to 100%"),
    ({"policy": "rolling", "healthy": {"for": "5m", "within": "5s"}}, "expected a longer time"),
    ({"policy": "rolling", "healthy": {"for": "-1s"}}, "expected a duration such as 5s"),
    ({"policy": "canary", "canary": {"steps": ["50%", "10%"]}}, "expected shares that grow, such as 10%, 50%"),
    ({"policy": "canary", "canary": {"steps": ["200%"]}}, "a percentage from 1% to 100%"),
    ({"policy": "canary", "canary": {"pause": "sometimes"}}, "expected manual, or a duration such as 10m"),
    ({"policy": "blue-green", "keep": "forever"}, "expected a duration such as 10m"),
    ({"on_failure": "explode"}, "must be one of rollback, pause"),
    ({"polcy": "canary"}, "did you mean 'policy'?"),
]


def test_a_version_that_is_none_and_a_policy_with_impossible_numbers_are_refused(open_desk, tmp_path):
    files = entries(open_desk.good)
    path = tmp_path / "policy.mex"
    for policy, words in POLICIES:
        refused(open_desk, listed(files, path, rollout=policy), "manifest.yaml:", words)
    for version in ("latest", "1.2", "01.2.3"):
        refused(open_desk, listed(files, path, version), "expected a semantic version such as 1.2.0")
    for command in ("submit", "plan", "apply"):
        shown = open_desk.zshell("topo", command, path, check=False)
        assert shown.returncode == 1 and "expected a semantic version such as 1.2.0" in shown.stderr, shown


def test_an_alias_bomb_is_refused(desk, tmp_path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 20)]
    directory = tmp_path / "source"
    shutil.copytree(desk.directory / "src" / "victim", directory)
    (directory / "topology.yaml").write_text("\n".join(lines))
    shown = run(BIN / "mex", "validate", directory, check=False, timeout=10)
    assert shown.returncode == 1 and "alias" in shown.stdout + shown.stderr


def leb(value):
    out = b""
    while True:
        byte, value = value & 0x7F, value >> 7
        out += bytes([byte | (0x80 if value else 0)])
        if not value:
            return out


def section(number, body):
    return bytes([number]) + leb(len(body)) + body


def module(exports=(b"on_process",), locals_=b"\x00", code=b"\x41\x00", imports=b"", extra=b"",
           type_section=b"\x01\x60\x00\x01\x7f"):
    out = b"\0asm\1\0\0\0" + section(1, type_section)
    if imports:
        out += section(2, imports)
    out += section(3, b"\x01\x00") + extra
    count = imports[0] if imports else 0
    out += section(7, leb(len(exports)) + b"".join(
        leb(len(e)) + e + b"\x00" + leb(count) for e in exports))
    body = locals_ + code + b"\x0b"
    return out + section(10, b"\x01" + leb(len(body)) + body)


CONSTRUCTOR = (b"x*/\n#ifndef P\n#define P\n#include <stdlib.h>\n"
               b"__attribute__((constructor)) static void pwn(void){abort();}\n#endif\n/*")
HOSTILE = {
    "not a module": (b"\0asm\2\0\0\0", "core.wasm"),
    "code in an export's name": (module(exports=(b"on_process", CONSTRUCTOR)), "export"),
    "a million locals": (module(locals_=b"\x01" + leb(1_000_000) + b"\x7f"), "locals"),
    "locals that overflow": (module(locals_=b"\x02" + leb(0xFFFFFFFF) + b"\x7f" + leb(2) + b"\x7f"),
                             "locals"),
    "deep nesting": (module(code=b"\x02\x40" * 5000 + b"\x0b" * 5000 + b"\x41\x00"), "nest"),
    "an import of a wrong type": (
        module(imports=b"\x01" + b"\x03sys" + b"\x03log" + b"\x00\x00"), "sys.log"),
    "an unknown import": (module(imports=b"\x01" + b"\x03env" + b"\x04evil" + b"\x00\x00"), "evil"),
    "an imported memory": (module(imports=b"\x01" + b"\x03env" + b"\x06memory" + b"\x02\x00\x01"),
                           "memory"),
    "too large a memory": (module(extra=section(5, b"\x01\x00" + leb(65536))), "memory"),
    "a huge table": (module(extra=section(4, b"\x01\x70\x00" + leb(1_000_000))), "table"),
    "a body that does not validate": (module(code=b"\x42\x00"), "core.wasm"),
    "neither on_process nor _start": (module(exports=(b"on_init",)), "on_process"),
    "on_process of another type": (module(type_section=b"\x01\x60\x01\x7f\x01\x7f"), "on_process"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_module_is_refused(open_desk, tmp_path, what):
    data, word = HOSTILE[what]
    files = entries(open_desk.good)
    files["spaces/a/core.wasm"] = data
    path = tmp_path / "hostile.mex"
    refused(open_desk, listed(files, path), "spaces/a/core.wasm", word)
    shown = run(BIN / "mex", "validate", path, check=False)
    assert shown.returncode == 1 and "spaces/a/core.wasm" in shown.stdout + shown.stderr


def raw(desk, data, shut=False):
    connection = socket.create_connection(("127.0.0.1", desk.port), timeout=30)
    connection.sendall(data)
    if shut:
        connection.shutdown(socket.SHUT_WR)
    return connection


def is_closed(connection):
    """Reads what has come. Where something was sent that is not read any more, it ends with a reset."""
    try:
        return connection.recv(4096) == b""
    except ConnectionResetError:
        return True


def bearer(desk):
    return f"Authorization: Bearer {token_of(desk.url)}\r\n".encode()


def test_a_body_of_a_gibibyte_is_refused_before_it_is_sent(desk):
    connection = raw(desk, b"POST /v1/topologies HTTP/1.1\r\nHost: localhost\r\n" + bearer(desk) +
                     b"Content-Type: application/vnd.samoza.mex+zip\r\n"
                     b"Content-Length: 1073741824\r\n\r\n")
    answer = connection.recv(4096)
    assert b" 413 " in answer.split(b"\r\n")[0], answer
    assert desk.get("/healthz")["status"] == "ok"


def test_an_incomplete_request_is_disconnected(desk):
    connection = raw(desk, b"GET /v1/topologies HTTP/1.1\r\nHos")
    connection.settimeout(25)
    rest = connection.recv(4096)
    assert rest == b"" or b" 408 " in rest, rest
    assert desk.get("/healthz")["status"] == "ok"


@pytest.mark.parametrize("lines", [
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: -1\r\n\r\n",
], ids=["two lengths", "length and chunked", "negative"])
def test_smuggled_requests_are_refused(desk, lines):
    answer = raw(desk, b"PUT /v1/topologies/x/spaces/a/goal HTTP/1.1\r\nHost: localhost\r\n" + lines).recv(4096)
    assert b" 400 " in answer.split(b"\r\n")[0], answer


def test_garbage_on_a_link_disturbs_nothing(desk):
    for garbage in (b"\xff" * 64, struct.pack("<IB", 5, 1) + b"\0\0\0\0", struct.pack("<IB", 1, 99)):
        connection = raw(desk, b"GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                         b"Upgrade: samoza-link/1\r\n" + bearer(desk) + b"\r\n")
        assert b" 101 " in connection.recv(4096).split(b"\r\n")[0]
        connection.sendall(garbage)
        connection.settimeout(25)
        until(lambda: is_closed(connection), "the link is closed")
    assert desk.get("/v1/zhosts/edge-node-1")["state"] == "deployed-started"


@pytest.mark.parametrize("method,path,body,status,word", [
    ("GET", "/v1/topologies/nobody", None, 404, "nobody"),
    ("GET", "/nowhere", None, 404, "nowhere"),
    ("DELETE", "/v1/topologies", None, 405, "DELETE"),
    ("GET", "/v1/events?after=x", None, 400, "after"),
    ("POST", "/v1/topologies", b"hello", 422, ""),
    ("POST", "/v1/zhosts/nobody/cordon", None, 404, "nobody"),
])
def test_malformed_requests_are_refused(desk, method, path, body, status, word):
    code, answer = desk.request(method, path, body, MEX if body else None)
    assert code == status, answer
    assert word in answer["error"]["message"], answer


def test_invalid_goals_are_refused(desk):
    code, answer = desk.request("POST", "/v1/topologies?start=0", desk.good.read_bytes(), MEX)
    assert code == 201, answer
    goal = "/v1/topologies/victim/spaces/{}/goal"
    code, answer = desk.request("PUT", goal.format("a"), {"goal": "starting"})
    assert code == 422
    assert answer["error"]["message"] == ("'starting' cannot be a goal: ask for deployed-started, "
                                          "deployed-stopped or not-deployed")
    code, answer = desk.request("PUT", goal.format("nobody"), {"goal": "deployed-started"})
    assert code == 404 and "no instance victim/nobody" in answer["error"]["message"]
    code, answer = desk.request("PUT", goal.format("a"), {"goal": 3})
    assert code == 422, answer
    code, answer = desk.request("PUT", goal.format("a"), {"goal": "deployed-stopped", "command": "stop"})
    assert code == 409, answer
    desk.zshell("topo", "stop", "victim")
    desk.zshell("topo", "rm", "victim")


def test_addresses_other_than_loopback_are_refused(desk, tmp_path):
    for program, option in (("zrms", "--listen"), ("zhost", "--zedge")):
        command = [BIN / program, "--dir", tmp_path / program, option, "0.0.0.0:7999"]
        if program == "zhost":
            command += ["--name", "x", "--zrms", desk.url]
        done = run(*command, check=False, timeout=20)
        assert done.returncode in (1, 2) and re.search("loopback|127.0.0.1", done.stderr), done
    assert pathlib.Path(desk.directory).exists()
