"""A backup of the control plane while it works, and a control plane made of it."""
import os
import pathlib
import re
import shutil
import signal
import tempfile
import time

import pytest

from conftest import BIN, run, start_of, text_of, until


def processes(c):
    """Processes of spaces on every zhost, so that a restart shows."""
    return {(pid, start_of(pid)) for name in c.zhosts for pid in c.zruns(name)}


def restore(c, file, *options, check=True, directory=None):
    return run(BIN / "zrms", "restore", file, "--dir", directory or c.directory / "zrms", *options, check=check)


def lose(c):
    """The machine of zrms is gone."""
    c.zrms.kill()
    shutil.rmtree(c.directory / "zrms")


def instances(c):
    return {s["name"]: (s["state"], s["zhost"], s["epoch"], s["since"]) for s in c.get("/v1/spaces")["spaces"]}


def test_a_restored_control_plane_adopts_the_zhosts_that_still_run(start_cluster, example_package, tmp_path):
    c = start_cluster(zhosts=("edge-node-1", "edge-node-2"), timeout="30s", heartbeat="1s")
    run(BIN / "mex", "sign", example_package, "--key", c.key)
    c.submit(example_package)
    c.wait_state("my-app", "running")
    before, held = instances(c), processes(c)
    assert len(held) >= 2
    file = tmp_path / "cluster.backup"
    c.zshell("cluster", "backup", "-o", file)
    assert file.stat().st_mode & 0o777 == 0o600
    newest = max(e["seq"] for e in c.events())
    lose(c)
    shown = restore(c, file).stdout
    assert "no damage found" in shown
    of = re.search("of the backup of (.*) by zrms ", shown).group(1)
    assert f"since {of} are good again" in shown and "also those that have renewed their certificates" in shown
    c.start_zrms()
    for name in c.zhosts:
        c.wait_zhost(name, "deployed-started")
    until(lambda: c.state("my-app") == "running", "my-app runs")
    until(lambda: instances(c) == before, "the instances are as they were")
    # Nothing was started, stopped or placed again: neither processes nor events say so.
    assert processes(c) == held
    later = [e for e in c.events(after=newest) if e["kind"] in ("space", "placement")]
    assert later == []
    # Numbers that may have been given after the backup are not given again.
    c.zshell("spaces", "restart", "my-app/api")
    assert min(e["seq"] for e in c.events(after=newest)) > newest + 1000
    assert not (c.directory / "zrms" / "restored").exists()


def test_what_was_deployed_after_the_backup_ends_and_the_rest_goes_on(start_cluster, tmp_path):
    c = start_cluster(zhosts=("edge-node-1",))
    c.deploy("kept", [{"name": "api", "type": "CALL"}])
    held = processes(c)
    file = tmp_path / "cluster.backup"
    c.zshell("cluster", "backup", "-o", file)
    c.deploy("later", [{"name": "api", "type": "CALL"}])
    assert len(processes(c)) == 2
    lose(c)
    restore(c, file)
    c.start_zrms()
    until(lambda: processes(c) == held, "only what the backup knows runs on")
    c.wait_state("kept", "running")
    assert c.topology("later") is None


def test_a_backup_that_was_cut_or_changed_is_refused_and_nothing_is_touched(start_cluster, tmp_path):
    c = start_cluster(zhosts=())
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse\n")
    plain, sealed = tmp_path / "plain", tmp_path / "sealed"
    c.zshell("cluster", "backup", "-o", plain)
    c.zshell("cluster", "backup", "-o", sealed, "--passphrase-file", phrase)
    target = tmp_path / "restored"
    for whole, options in ((plain.read_bytes(), []), (sealed.read_bytes(), ["--passphrase-file", phrase])):
        n = len(whole)
        damaged = [whole[:k] for k in (0, 10, 17, n // 2, n - 70, n - 1)]
        damaged += [whole + b"x"]
        for at in (3, 60, n // 3, n // 2, n - 20):
            damaged.append(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:])
        for k, text in enumerate(damaged):
            file = tmp_path / "damaged"
            file.write_bytes(text)
            refused = restore(c, file, *options, check=False, directory=target)
            assert refused.returncode == 1, (k, refused.stdout)
            assert re.search("cut|damaged|no backup|passphrase", refused.stderr), refused.stderr
            assert [p.name for p in tmp_path.glob("restored*")] == []
    restore(c, plain, directory=target)
    assert (target / "zrms.db").exists()


def test_a_sealed_backup_needs_its_passphrase(start_cluster, tmp_path):
    c = start_cluster(zhosts=())
    phrase, wrong, short = tmp_path / "phrase", tmp_path / "wrong", tmp_path / "short"
    phrase.write_text("correct horse\n")
    wrong.write_text("battery staple\n")
    short.write_text("abc\n")
    file, target = tmp_path / "sealed", tmp_path / "restored"
    c.zshell("cluster", "backup", "-o", file, "--passphrase-file", phrase)
    assert b"zrms.db" not in file.read_bytes() and b"SQLite" not in file.read_bytes()
    refused = restore(c, file, check=False, directory=target)
    assert refused.returncode == 1 and "sealed: give its passphrase" in refused.stderr
    refused = restore(c, file, "--passphrase-file", wrong, check=False, directory=target)
    assert refused.returncode == 1 and "not that of this backup" in refused.stderr
    refused = restore(c, file, "--passphrase-file", short, check=False, directory=target)
    assert refused.returncode == 1 and "at least 8 bytes" in refused.stderr
    restore(c, file, "--passphrase-file", phrase, directory=target)
    assert (target / "credentials" / "local-admin").exists()


def test_keys_are_left_out_on_request(start_cluster, tmp_path):
    c = start_cluster(zhosts=())
    token = (c.directory / "zrms/credentials/local-admin").read_text().strip()
    with_keys, without = tmp_path / "with", tmp_path / "without"
    c.zshell("cluster", "backup", "-o", with_keys)
    c.zshell("cluster", "backup", "-o", without, "--without-keys")
    assert token.encode() in with_keys.read_bytes()
    assert token.encode() not in without.read_bytes()
    assert b"trust/test.pub" in without.read_bytes()


@pytest.mark.parametrize("place", ["zrms", "zrms/mine", "zrms/trust/mine"])
def test_backups_inside_the_directory_of_zrms_are_in_no_backup(start_cluster, tmp_path, place):
    directory = tmp_path / "c0"  # as start_cluster calls it
    target = directory / place
    c = start_cluster(zhosts=(), zrms_options=("--backup-every", "1h", "--backup-dir", target))
    assert c.directory == directory
    one, = until(lambda: list(target.glob("samoza-*")), "zrms has made one by itself")
    if place != "zrms":
        shutil.copy(one, target / "another-name")
    token = (c.directory / "zrms/credentials/local-admin").read_text().strip()
    c.zshell("cluster", "backup", "-o", tmp_path / "without", "--without-keys")
    c.zshell("cluster", "backup", "-o", tmp_path / "with")
    assert token.encode() in one.read_bytes()
    text = (tmp_path / "without").read_bytes()
    assert token.encode() not in text and b".backup" not in text and b"trust/test.pub" in text
    assert (tmp_path / "with").read_bytes().count(token.encode()) == 1


def test_what_a_backup_that_was_cut_off_has_left_is_removed(start_cluster):
    c = start_cluster(zhosts=())
    c.zrms.kill()
    left = c.directory / "zrms" / "spool" / "backup-abcdef"
    (left / "artifacts" / "sha256").mkdir(parents=True)
    (left / "zrms.db").write_text("large")
    (left.parent / "other").write_text("other")
    c.start_zrms()
    assert not left.exists() and (left.parent / "other").exists()


def test_a_directory_in_use_is_refused_and_one_with_a_cluster_is_kept(start_cluster, tmp_path):
    c = start_cluster(zhosts=())
    file = tmp_path / "cluster.backup"
    c.zshell("cluster", "backup", "-o", file)
    for options in ([], ["--replace"]):
        refused = restore(c, file, *options, check=False)
        assert refused.returncode == 1 and "is in use by a zrms (pid " in refused.stderr
    c.zrms.kill(signal.SIGTERM)
    refused = restore(c, file, check=False)
    assert refused.returncode == 1 and "holds a cluster" in refused.stderr and "--replace" in refused.stderr
    (c.directory / "zrms" / "mine").write_text("mine")
    restore(c, file, "--replace")
    kept, = c.directory.glob("zrms.before-*")
    assert (kept / "mine").read_text() == "mine" and not (c.directory / "zrms" / "backup").exists()
    c.start_zrms()
    refused = c.zshell("cluster", "backup", "-o", file, check=False)
    assert refused.returncode == 1 and "is there already" in refused.stderr


def test_a_replaced_cluster_is_kept_where_it_is_when_it_cannot_get_its_name(start_cluster, tmp_path):
    c = start_cluster(zhosts=())
    file = tmp_path / "cluster.backup"
    c.zshell("cluster", "backup", "-o", file)
    c.zrms.kill(signal.SIGTERM)
    (c.directory / "zrms" / "mine").write_text("mine")
    now = int(time.time())
    for taken in range(now, now + 120):
        (c.directory / f"zrms.before-{taken}" / "other").mkdir(parents=True)
    shown = restore(c, file, "--replace").stdout
    kept = pathlib.Path(re.search("what was there is in (.*)", shown).group(1))
    assert kept.name.startswith("zrms.restoring-")
    assert (kept / "mine").read_text() == "mine" and (kept / "zrms.db").exists()
    c.start_zrms()


def test_only_an_administrator_gets_a_backup(start_cluster):
    c = start_cluster(zhosts=())
    status, body = c.request("POST", "/v1/users", {"name": "eve", "role": "operator"})
    assert status == 201
    status, _ = c.request("GET", "/v1/backup", headers={"Authorization": f"Bearer {body['token']}"})
    assert status == 403


def copied(file, to):
    """False: it has gone meanwhile."""
    try:
        shutil.copy(file, to)
    except FileNotFoundError:
        return False
    return True


def is_in_the_way_of(directory, beside):
    """Moves it away, and puts a file in its place. False: it has been made again meanwhile."""
    if directory.is_dir():
        directory.rename(pathlib.Path(tempfile.mkdtemp(dir=beside)) / "away")
    try:
        directory.write_text("in the way")
    except IsADirectoryError:
        return False
    return True


def metric(c, name):
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\d+)", text_of(c.url + "/metrics"), re.MULTILINE)
    return int(found.group(1)) if found else None


def test_zrms_makes_backups_by_itself_and_keeps_the_newest(start_cluster, tmp_path):
    target = tmp_path / "backups"
    c = start_cluster(zhosts=(), zrms_options=("--backup-every", "1s", "--backup-dir", target, "--backup-keep", "2"))
    without = start_cluster(zhosts=())
    assert metric(without, "zrms_backup_age_seconds") is None and metric(without, "zrms_backups_total") == 0
    names = lambda: sorted(p.name for p in target.glob("*")) if target.is_dir() else []
    first = until(lambda: [n for n in names() if n.startswith("samoza-")], "there is one")[0]
    until(lambda: first not in names() and len([n for n in names() if n[0] != "."]) == 2,
          "the first one is gone, two are kept")
    assert metric(c, "zrms_backup_age_seconds") < 60
    assert metric(c, "zrms_backups_failed_total") == 0
    until(lambda: metric(c, "zrms_backups_total") >= 3, "three were made")
    # The newest is among those that are kept for two seconds.
    until(lambda: copied(max(target.glob("samoza-*")), tmp_path / "newest"), "a copy of the newest")
    restore(c, tmp_path / "newest", directory=tmp_path / "restored")
    # Where it cannot, the age of the last good one tells. It may be making one, or the directory, at any time.
    until(lambda: is_in_the_way_of(target, tmp_path), "a file is in the way")
    until(lambda: metric(c, "zrms_backups_failed_total") > 0, "a failure is counted")
    assert metric(c, "zrms_backup_age_seconds") is not None


def test_backups_that_zrms_makes_by_itself_are_sealed_with_the_passphrase_of_a_file(start_cluster, tmp_path):
    target, phrase = tmp_path / "backups", tmp_path / "phrase"
    phrase.write_text("correct horse\n")
    c = start_cluster(zhosts=(), zrms_options=("--backup-every", "1s", "--backup-dir", target,
                                               "--backup-keep", "100", "--backup-passphrase-file", phrase))
    os.link(phrase, c.directory / "zrms/phrase")
    count = metric(c, "zrms_backups_total") + 1  # one may be under way
    made = until(lambda: metric(c, "zrms_backups_total") > count and max(target.glob("samoza-*")), "there is one")
    secrets = (b"zrms.db", b"SQLite", b"correct horse")
    assert not any(word in made.read_bytes() for word in secrets)
    refused = restore(c, made, check=False, directory=tmp_path / "restored")
    assert refused.returncode == 1 and "sealed: give its passphrase" in refused.stderr
    # It is in the directory of zrms, too, and in no backup, sealed or not.
    restore(c, made, "--passphrase-file", phrase, directory=tmp_path / "restored")
    assert (tmp_path / "restored/credentials/local-admin").exists() and not (tmp_path / "restored/phrase").exists()
    c.zshell("cluster", "backup", "-o", tmp_path / "asked")
    assert b"correct horse" not in (tmp_path / "asked").read_bytes()
    # Without it there is none, rather than one that everybody can read.
    phrase.unlink()
    until(lambda: metric(c, "zrms_backups_failed_total") > 0, "a failure is counted")
    assert all(not any(word in file.read_bytes() for word in secrets) for file in target.glob("samoza-*"))
    c.zrms.kill(signal.SIGTERM)
    line = [BIN / "zrms", "--dir", c.directory / "zrms", "--listen", "127.0.0.1:0", "--backup-every", "1h"]
    refused = run(*line, "--backup-passphrase-file", phrase, check=False, timeout=20)
    assert refused.returncode == 1 and f"cannot seal backups (backup.passphrase_file): cannot read {phrase}" in refused.stderr


def test_a_file_that_somebody_else_put_in_the_way_gets_no_keys(start_cluster, tmp_path):
    target, file = tmp_path / "backups", tmp_path / "cluster.backup"
    target.mkdir()
    traps = target / ".new-backup", tmp_path / "cluster.backup.part"
    held = []
    for trap in traps:
        held.append(trap.open("w+b"))
        trap.chmod(0o666)
    c = start_cluster(zhosts=(), zrms_options=("--backup-every", "1h", "--backup-dir", target))
    c.zshell("cluster", "backup", "-o", file)
    until(lambda: list(target.glob("samoza-*")), "zrms has made one by itself")
    for made in [file, *target.glob("samoza-*")]:
        assert made.stat().st_size > 0 and made.stat().st_mode & 0o777 == 0o600
    for trap in held:
        with trap:
            assert trap.read() == b""


@pytest.mark.parametrize("keys", ["2", "yes"])
def test_a_query_that_says_nothing_is_refused(start_cluster, keys):
    c = start_cluster(zhosts=())
    assert c.request("GET", f"/v1/backup?keys={keys}")[0] == 400


def test_changes_go_on_while_a_backup_is_made(start_cluster, tmp_path):
    """The store of a big history: whatever the copy holds is whole."""
    c = start_cluster(zhosts=("edge-node-1",))
    c.deploy("kept", [{"name": "api", "type": "CALL"}])
    end = time.monotonic() + 3
    count = 0
    while time.monotonic() < end or count < 2:
        c.zshell("spaces", "stop" if count % 2 == 0 else "start", "kept/api")
        file = tmp_path / f"backup-{count}"
        c.zshell("cluster", "backup", "-o", file)
        shown = restore(c, file, directory=tmp_path / f"restored-{count}").stdout
        assert "no damage found" in shown
        os.unlink(file)
        count += 1
