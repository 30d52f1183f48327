"""Secrets as processes get them, by each way, and nowhere else: a value that is in no other place is looked for in all that the
cluster has written, shown and started. [workloads.configuration.secrets]"""
import base64
import contextlib
import ctypes
import datetime
import hashlib
import os
import pathlib
import re
import secrets as chance
import shutil
import tempfile
import zlib

import pytest

from conftest import stat_of, until
from native import log_text, native_app, processes_of
from test_native_sandbox import LESS, add_zhost_by

HERE = {"placement": {"constraints": ["zhost == edge-node-1"]}}
USES = [{"name": "db-password", "as": "DB_PASSWORD"}, {"name": "db-password", "file": "db.txt"}]
COMMON = dict(HERE, secrets=USES)
FOREGROUND = {"run": {"mode": "foreground"}}
# What they print of a value is its digest.
MAIN = """
#!/bin/sh
digest() { sha256sum | cut -c 1-64; }
show() { echo "$SAMOZA_INSTANCE $1 $(printf %s "$DB_PASSWORD" | digest) $(digest < "$SAMOZA_SECRETS/db.txt")"; }
trap 'show hup' HUP
show start
while :; do sleep 0.1; done
"""
UPDATE = """
#!/bin/sh
digest() { sha256sum | cut -c 1-64; }
echo "$SAMOZA_INSTANCE update $(printf %s "$DB_PASSWORD" | digest) $(digest < "$SAMOZA_SECRETS/db.txt")"
"""
GUEST = """
#include <samoza.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
__attribute__((import_module("wasi_snapshot_preview1"), import_name("environ_sizes_get")))
int environ_sizes(unsigned *count, unsigned *size);
__attribute__((import_module("wasi_snapshot_preview1"), import_name("environ_get")))
int environ_of(char **strings, char *text);
static unsigned sum_of(const char *text, int size)
{
        unsigned sum = 1;
        for (int k = 0; k < size; k++)
                sum = sum * 31 + (unsigned char)text[k];
        return sum;
}
static void show(const char *what)
{
        static char text[8192], *strings[200], value[1000], line[300];
        unsigned count, size;
        const char *db = "";
        environ_sizes(&count, &size);
        environ_of(strings, text);
        for (unsigned k = 0; k < count; k++)
                if (strncmp(strings[k], "DB_PASSWORD=", 12) == 0)
                        db = strings[k] + 12;
        int r = samoza_config_get("db.txt", 6, value, sizeof(value));
        snprintf(line, sizeof(line), "%s %s %u %u %d %d", getenv("SAMOZA_INSTANCE"), what, sum_of(db, strlen(db)),
                 sum_of(value, r > 0 ? r : 0), r, samoza_config_get("other.txt", 9, value, sizeof(value)));
        samoza_log(SAMOZA_INFO, line);
}
SAMOZA_ON_INIT(void) { show("start"); return 0; }
SAMOZA_ON_UPDATE(void) { show("update"); return 0; }
SAMOZA_ON_PROCESS(void) { char text[10]; samoza_recv_next(200, text, sizeof(text), NULL, 0); return 0; }
"""
ZSTD = ctypes.CDLL("libzstd.so.1")
for function in (ZSTD.ZSTD_findFrameCompressedSize, ZSTD.ZSTD_getFrameContentSize, ZSTD.ZSTD_decompress):
    function.restype = ctypes.c_size_t
NATIVE = ("again", "hup", "recipe")
SPACES = [
    dict(COMMON, name="again", **FOREGROUND),
    dict(COMMON, name="hup", reload="signal", **FOREGROUND),
    dict(COMMON, name="recipe", reload="update", **FOREGROUND),
    dict(COMMON, name="calc", type="CALL", reload="update", capabilities=["sys.log", "net.recv"]),
]
FILES = {"recipe/recipes/update": UPDATE, "calc/src/main.c": GUEST, **{f"{n}/recipes/start": MAIN for n in NATIVE}}


def new_value():
    return "s3cret-" + chance.token_hex(20)


def digest(value):
    return hashlib.sha256(value.encode()).hexdigest()


def sum_of(value):
    total = 1
    for byte in value.encode():
        total = (total * 31 + byte) & 0xffffffff
    return str(total)


def set_secret(c, name, value, pattern="shop", *words):
    file = c.directory / "value"
    file.write_text(value)
    try:
        c.zshell("secret", "set", name, "--topology", pattern, "--from-file", file, *words)
    finally:
        file.unlink()


def said(c, instance, what, zhost="edge-node-1"):
    return re.findall(rf"{instance} {what} (\S+) (\S+)", log_text(c, zhost))


def has(c, value, whats):
    """Each of these instances has said last that it has the value, in this way."""
    for instance, what in whats.items():
        of = sum_of if instance == "calc" else digest
        until(lambda i=instance, w=what, o=of: said(c, i, w)[-1:] == [(o(value), o(value))], f"{instance} {what}: has the value")


def programs(c, instance):
    """The programs that its recipe `start` is, by pid, without what they have forked."""
    found = []
    for pid, _ in processes_of("recipes/start"):
        with contextlib.suppress(OSError):
            if f"SAMOZA_INSTANCE={instance}\0".encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes() and \
                    str(c.directory) in pathlib.Path(f"/proc/{pid}/mountinfo").read_text():
                found.append(pid)
    return [pid for pid in found if int((stat_of(pid) or [0, 0])[1]) not in found]


def unpacked(content):
    """What is in it as it stands, and in what is packed in it (backups, recordings)."""
    parts = [content]
    for begin in re.finditer(rb"\x28\xb5\x2f\xfd", content):
        rest = content[begin.start():]
        size = ZSTD.ZSTD_findFrameCompressedSize(rest, ctypes.c_size_t(len(rest)))
        whole = ZSTD.ZSTD_getFrameContentSize(rest, ctypes.c_size_t(len(rest)))
        if size <= len(rest) and whole <= 1 << 28:
            room = ctypes.create_string_buffer(max(whole, 1))
            ZSTD.ZSTD_decompress(room, ctypes.c_size_t(whole), rest, ctypes.c_size_t(size))
            parts.append(room.raw[:whole])
    for begin in re.finditer(rb"\x78[\x01\x5e\x9c\xda]|\x1f\x8b\x08", content):
        with contextlib.suppress(zlib.error):
            parts.append(zlib.decompressobj(47).decompress(content[begin.start():]))
    return b"\n".join(parts)


def leaks(c, values):
    """Where one of them, or it in base64 or hex, is: in files of the cluster, in arguments of processes, and in variables of those
    that are no instance's."""
    forms = []
    for value in values:
        raw = value.encode()
        # In base64 its letters depend on what stands before them.
        forms += [raw, raw.hex().encode()] + [base64.b64encode(b"x" * n + raw)[4 if n else 0:-4] for n in range(3)]
    found = []
    for path in c.directory.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError):
                content = unpacked(path.read_bytes())
                found += [str(path) for form in forms if form in content]
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        for name in ("cmdline", "environ"):
            with contextlib.suppress(OSError):
                content = (entry / name).read_bytes()
                if name == "cmdline" or b"SAMOZA_INSTANCE=" not in content:
                    found += [f"{entry}/{name}" for form in forms if form in content]
    return found


@pytest.fixture
def c(sweep_groups, start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(zhosts=("edge-node-1",), zrms_options=["--log-level", "debug"])


def test_a_value_reaches_processes_and_nothing_else(c):
    first, second = new_value(), new_value()
    c.zshell("topo", "submit", c.build(native_app(c, "shop", SPACES, FILES), "shop"))
    until(lambda: {c.space("shop", s["name"])["state"] for s in SPACES} == {"unresolved"}, "all wait for it")
    assert "db-password is not set" in c.space("shop", "calc")["why"]

    # For another topology only; then for this one.
    set_secret(c, "db-password", new_value(), "other-*")
    until(lambda: c.space("shop", "hup")["state"] == "unresolved", "it is not for shop")
    assert said(c, "hup", "start") == []
    set_secret(c, "db-password", first)
    c.wait_state("shop", "running")
    has(c, first, {"again": "start", "hup": "start", "recipe": "start", "calc": "start"})

    # In memory, for their user alone, and not to be changed.
    pid, = programs(c, "hup")
    file = pathlib.Path(f"/proc/{pid}/root/samoza/secrets/db.txt")
    assert file.read_text() == first and file.stat().st_mode & 0o7777 == 0o400
    assert file.stat().st_uid == pathlib.Path(f"/proc/{pid}").stat().st_uid
    mount, = [line for line in pathlib.Path(f"/proc/{pid}/mountinfo").read_text().splitlines() if " /samoza/secrets ro," in line]
    assert re.search(r" - (ramfs|tmpfs \S+ \S*noswap)", mount), mount
    assert re.search(r"Max core file size +[01] +[01] ", pathlib.Path(f"/proc/{pid}/limits").read_text())

    # Another value, by each way.
    again = programs(c, "again")
    set_secret(c, "db-password", second)
    has(c, second, {"again": "start", "recipe": "update", "calc": "update"})
    until(lambda: said(c, "hup", "hup") == [(digest(first), digest(second))], "a variable stays, a file is another one")
    until(lambda: not set(again) & set(programs(c, "again")), "the process of before is gone")
    assert pid in programs(c, "hup"), "a signal, not another process"
    c.wait_state("shop", "running")
    assert not list(pathlib.Path(f"/proc/{pid}/root/samoza/secrets").glob(".*"))

    # A command in an instance finds them, as its programs do.
    seen = c.zshell("spaces", "exec", "shop/hup", "--", "sh", "-c", 'sha256sum < "$SAMOZA_SECRETS/db.txt"')
    assert digest(second) in seen.stdout

    # All that is written and shown.
    c.zshell("cluster", "backup", "-o", c.directory / "backup")
    begun = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def recorded():
        (c.directory / "piece").unlink(missing_ok=True)
        c.zshell("cluster", "record", "--from", begun, "-o", c.directory / "piece")
        return b"db-password" in unpacked((c.directory / "piece").read_bytes())
    until(recorded, "that it was set is in the recording")
    shown = [c.zshell(*words, check=False).stdout for words in (
        ("spaces", "status", "shop/hup"), ("topo", "status", "shop"), ("topo", "explain", "shop"), ("topo", "logs", "shop"),
        ("topo", "history", "shop"), ("secret", "list"), ("events",), ("audit",), ("spaces", "status", "shop/calc", "-o", "json"))]
    shown += [c.events()] + [c.get(path) for path in ("/v1/audit", "/v1/spaces", "/v1/topologies", "/v1/secrets", "/v1/zhosts")]
    (c.directory / "shown").write_text(repr(shown))
    assert leaks(c, [first, second]) == []

    # What is not there any more: what runs keeps it, what ends does not start again, and says why.
    refused = c.zshell("secret", "rm", "db-password", check=False)
    assert refused.returncode != 0 and "shop/hup" in refused.stdout + refused.stderr
    c.zshell("secret", "rm", "db-password", "--force")
    os.kill(programs(c, "again")[0], 9)
    until(lambda: c.space("shop", "again")["state"] == "unresolved", "it does not start again without")
    assert "db-password is not set" in c.space("shop", "again")["why"]
    assert pid in programs(c, "hup") and file.read_text() == second
    third = new_value()
    set_secret(c, "db-password", third)
    has(c, third, {"again": "start", "recipe": "update", "calc": "update"})
    until(lambda: file.read_text() == third, "its file is the new one")
    assert leaks(c, [first, second, third]) == []


def test_what_runs_keeps_them_and_what_starts_waits_for_zrms(sweep_groups, start_cluster):
    c = start_cluster(zhosts=("edge-node-1",))
    first, second, third = new_value(), new_value(), new_value()
    set_secret(c, "db-password", first)
    hup, calc = SPACES[1], {k: v for k, v in SPACES[3].items() if k != "placement"}
    c.submit(c.build(native_app(c, "shop", [hup, calc], {f: FILES[f] for f in ("hup/recipes/start", "calc/src/main.c")}), "shop"))
    has(c, first, {"hup": "start", "calc": "start"})
    c.add_zhost("edge-node-2")
    c.wait_zhost("edge-node-2", "deployed-started")
    pid, = programs(c, "hup")
    file = pathlib.Path(f"/proc/{pid}/root/samoza/secrets/db.txt")

    # Its zhost is killed; the value changes; it is back.
    c.zhosts["edge-node-1"].kill()
    set_secret(c, "db-password", second)
    assert file.read_text() == first
    c.zhosts["edge-node-1"].start()
    has(c, second, {"calc": "update"})
    until(lambda: said(c, "hup", "hup") == [(digest(first), digest(second))], "its process hears of the new value")
    assert pid in programs(c, "hup") and file.read_text() == second

    # zrms is killed: what ends then waits for it, with words, and nothing is kept on a disk.
    c.zrms.kill()
    os.kill(pid, 9)
    until(lambda: "start: zrms cannot be asked for the secret db-password" in log_text(c), "it says why it does not start", 30)
    assert leaks(c, [first, second]) == []
    c.zhosts["edge-node-1"].kill()
    c.zhosts["edge-node-1"].start()
    c.start_zrms()
    until(lambda: said(c, "hup", "start")[-1:] == [(digest(second), digest(second))], "it starts once zrms is back", 60)
    c.wait_state("shop", "running", 60)

    # Another zhost takes over, and gets the newest.
    set_secret(c, "db-password", third)
    has(c, third, {"calc": "update"})
    c.kill_machine(c.zhost_of("shop", "calc"))
    until(lambda: c.zhost_of("shop", "calc") == "edge-node-2" and c.space("shop", "calc")["state"] == "deployed-started", "it is taken over", 30)
    until(lambda: said(c, "calc", "start", "edge-node-2") == [(sum_of(third), sum_of(third))], "with its value")
    assert leaks(c, [first, second, third]) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give up rights")
@pytest.mark.parametrize("prefix", [less[1] for less in LESS], ids=[less[0] for less in LESS])
def test_a_zhost_without_root_gives_them_where_it_can_keep_them_in_memory(sweep_groups, start_cluster, prefix):
    c = start_cluster(zhosts=())
    value = new_value()
    set_secret(c, "db-password", value)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="samoza-e2e-"))
    try:
        directory.chmod(0o755)
        own = directory / "zhost"
        own.mkdir(mode=0o700)
        if "--reuid=4321" in prefix:
            os.chown(own, 4321, 4321)
        add_zhost_by(c, prefix, own)
        c.zshell("topo", "submit", c.build(native_app(c, "shop", [SPACES[1]], {"hup/recipes/start": MAIN}), "shop"))
        if "--reuid=4321" not in prefix:
            until(lambda: "no zhost gives instances secrets" in repr(c.topology("shop")) + repr(c.space("shop", "hup")), "no zhost can give them")
            assert "secrets.none" in (c.directory / "edge-node-1.log").read_text()
            return
        c.wait_state("shop", "running")
        text = "\n".join(p.read_text() for p in (own / "log").glob("*.log"))
        assert f"hup start {digest(value)} {digest(value)}" in text, text
        pid = [p for p, _ in processes_of("recipes/start") if str(directory) in pathlib.Path(f"/proc/{p}/mountinfo").read_text()][0]
        file = pathlib.Path(f"/proc/{pid}/root/samoza/secrets/db.txt")
        assert file.read_text() == value and file.stat().st_mode & 0o7777 == 0o400 and file.stat().st_uid == 4321
        assert re.search(r" /samoza/secrets ro,\S+ - ramfs ", pathlib.Path(f"/proc/{pid}/mountinfo").read_text())
    finally:
        c.zhosts["edge-node-1"].kill()
        c.kill_zruns("edge-node-1")
        shutil.rmtree(directory, ignore_errors=True)
