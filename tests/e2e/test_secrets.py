"""Secrets as an operator sees them: set, listed, removed, sealed with another key, and their values in no file
[workloads.configuration.secrets]."""
import base64
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest
from conftest import BIN, run, text_of, until
from etcd import ThreeZrms
from secure import needs_an_address
from test_access import new_user

KEYS = "credentials/secrets.key"
VALUE = b"4pGd-nowhere-else-"


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=())


def ask(c, token, method, path, body=None, **headers):
    more = {"Authorization": f"Bearer {token}"} if token else {}
    return c.request(method, path, body, {"Content-Type": "application/json"} | more | headers)


def set_secret(c, name, value, topologies="shop-*", token=None, **more):
    return ask(c, token, "POST", "/v1/secrets", {"name": name, "topologies": topologies,
                                                 "value": base64.b64encode(value).decode()}, **more)


def listed(c, token=None):
    return {s["name"]: s for s in ask(c, token, "GET", "/v1/secrets")[1]["secrets"]}


def key_ids(directory):
    return [line.split()[0] for line in (directory / KEYS).read_text().splitlines()[1:]]


def forms_of(value):
    """What a value would look like in a file, and what it could be guessed from. Of base64 each of the three beginnings."""
    yield value
    yield value.hex().encode()
    for skipped in range(3):
        yield base64.b64encode(b"x" * skipped + value)[4 if skipped else 0:-4]


def found_in(directory, needles):
    """Files below it that have one of them."""
    hits = []
    for path, _, names in os.walk(directory):
        for name in names:
            file = os.path.join(path, name)
            if os.path.isfile(file):
                with open(file, "rb") as opened:
                    data = opened.read()
                hits += [(file, needle) for needle in needles if needle in data]
    return hits


def lacking(c):
    """How many zrms that stand by are not known to have the key."""
    return int(re.search(r"^zrms_secret_key_lacking_members (\d+)", text_of(c.url + "/metrics"), re.MULTILINE).group(1))


def restart(c):
    c.zrms.kill()
    c.start_zrms()


def test_values_are_set_listed_and_removed_and_are_in_no_file(c, tmp_path):
    value = VALUE + os.urandom(9).hex().encode()
    file = tmp_path / "value"
    file.write_bytes(b"\0" + value + b"\xff")
    done = c.zshell("secret", "set", "db-password", "--topology", "shop-*", "--from-file", file)
    assert "version 1" in done.stdout and value.decode() not in done.stdout
    file.unlink()
    # Under a key, once more, and refused: the hash of the body is nowhere either.
    body = json.dumps({"name": "api", "topologies": "*", "value": base64.b64encode(value).decode()})
    for _ in range(2):
        status, answer = ask(c, None, "POST", "/v1/secrets", json.loads(body), **{"Idempotency-Key": "k"})
        assert status == 200 and answer["version"] == 1, "it is carried out once"
    status, answer = set_secret(c, "api", value + b"!", "*", **{"Idempotency-Key": "k"})
    assert status == 422 and "another request" in answer["error"]["message"]
    for wrong in ({"name": "api", "topologies": "*", "value": [value.decode()]}, {"name": "api", value.decode(): 1},
                  {"name": "api", "topologies": "*", "value": value.decode() + "!"}):
        status, answer = ask(c, None, "POST", "/v1/secrets", wrong)
        assert status in (400, 422) and value.decode() not in json.dumps(answer), answer
    assert set_secret(c, "api", b"")[0] == 413 and set_secret(c, "api", b"x" * (32 * 1024 + 1))[0] == 413
    assert set_secret(c, "large", b"x" * (32 * 1024))[0] == 200
    assert set_secret(c, "No", b"x")[0] == 422 and set_secret(c, "api", b"x", "Shop/")[0] == 422
    # Versions, and a line for each in the audit.
    for version in (2, 3):
        assert set_secret(c, "db-password", value)[1]["version"] == version
    assert listed(c)["db-password"]["versions"] == [3, 2]
    table = c.zshell("secret").stdout
    assert "db-password" in table and "shop-*" in table and value.decode() not in table
    c.zshell("secret", "rotate-key")
    c.zshell("secret", "rm", "api")
    refused = c.zshell("secret", "rm", "api", check=False)
    assert refused.returncode == 1 and "no secret api" in refused.stderr
    audit = c.zshell("cluster", "audit").stdout
    assert "set secret db-password for topologies named shop-*" in audit and "remove secret api" in audit
    # Backups, and the recording, which is complete when zrms has ended.
    c.zshell("cluster", "backup", "-o", c.directory / "with-keys", "--passphrase-file", phrase(tmp_path))
    c.zshell("cluster", "backup", "-o", c.directory / "without", "--without-keys")
    restart(c)
    assert listed(c)["db-password"]["version"] == 3
    c.zrms.kill(signal.SIGTERM)
    replayed = subprocess.run([BIN / "zsim", "replay", c.directory / "zrms" / "recorder"], capture_output=True, text=True)
    assert replayed.returncode == 0 and "no difference" in replayed.stdout, replayed.stdout + replayed.stderr
    hashes = [hashlib.sha256(f"POST /v1/secrets\n{body}".encode()).digest()]
    assert (c.directory / "zrms" / KEYS).stat().st_mode & 0o777 == 0o600
    assert not found_in(c.directory, [*forms_of(value), *hashes])
    restored = tmp_path / "restored"
    run(BIN / "zrms", "restore", c.directory / "without", "--dir", restored)
    assert not found_in(restored, [*forms_of(value), *hashes]), "what a backup holds, unpacked"


def phrase(tmp_path):
    file = tmp_path / "phrase"
    file.write_text("a long enough passphrase\n")
    return file


def test_who_is_limited_to_names_has_secrets_of_these_alone(c):
    viewer = new_user(c, "vic", "viewer", "--topologies", "shop-*")
    operator = new_user(c, "ops", "operator", "--topologies", "shop-*")
    assert set_secret(c, "own", b"1", "shop-eu", operator)[0] == 200
    assert set_secret(c, "others", b"1", "bank", operator)[0] == 403
    assert set_secret(c, "others", b"1", "bank")[0] == 200
    assert set_secret(c, "others", b"2", "shop-eu", operator)[0] == 403, "it may not be taken away"
    assert set(listed(c, operator)) == {"own"} and set(listed(c)) == {"own", "others"}
    assert ask(c, viewer, "GET", "/v1/secrets")[0] == 403
    for token in (viewer, operator):
        assert ask(c, token, "DELETE", "/v1/secrets/others")[0] == (404 if token == operator else 403)
        assert ask(c, token, "POST", "/v1/secrets/rotate-key")[0] == 403
    assert ask(c, viewer, "DELETE", "/v1/secrets/own")[0] == 403
    assert ask(c, operator, "DELETE", "/v1/secrets/own")[0] == 204


def test_what_was_acknowledged_can_be_opened_after_kill_9_within_set_and_rotate(c):
    said = {}  # the newest version of each that was acknowledged
    over = threading.Event()

    def work(number):
        while not over.is_set():
            name = f"s{number}-{random.randrange(20)}"
            try:
                status, answer = set_secret(c, name, os.urandom(200))
                if status == 200:
                    said[name] = max(said.get(name, 0), answer["version"])
                if number == 0:
                    ask(c, None, "POST", "/v1/secrets/rotate-key")
            except OSError:
                time.sleep(0.01)  # it is killed just now
    workers = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for worker in workers:
        worker.start()
    for _ in range(6):
        before = sum(said.values())
        until(lambda n=before: sum(said.values()) > n + 20, "secrets are set")
        restart(c)
    over.set()
    for worker in workers:
        worker.join()
    # All are opened by it: a version whose key is gone, or that is of another one, would refuse it. The first one may be that
    # which was cut off.
    assert ask(c, None, "POST", "/v1/secrets/rotate-key")[0] == 200
    status, answer = ask(c, None, "POST", "/v1/secrets/rotate-key")
    assert status == 200, answer
    secrets = listed(c)
    assert {s["key"] for s in secrets.values()} == {answer["key"]} and key_ids(c.directory / "zrms") == [answer["key"]]
    assert int(answer["sealed"]) == sum(len(s["versions"]) for s in secrets.values())
    assert all(secrets[name]["version"] >= version for name, version in said.items())


def test_a_rotation_that_was_cut_off_goes_on_by_itself(c):
    for number in range(150):  # several pieces
        assert set_secret(c, f"s{number}", os.urandom(40))[0] == 200
    for _ in range(5):
        keys = key_ids(c.directory / "zrms")

        def rotate():
            try:
                ask(c, None, "POST", "/v1/secrets/rotate-key")
            except OSError:
                pass  # killed
        worker = threading.Thread(target=rotate)
        worker.start()
        until(lambda k=keys: key_ids(c.directory / "zrms") != k, "there is another key")
        time.sleep(random.random() * 0.05)
        restart(c)
        worker.join()
        until(lambda: len(key_ids(c.directory / "zrms")) == 1, "the key of before is gone")
        assert {s["key"] for s in listed(c).values()} == set(key_ids(c.directory / "zrms"))


def test_without_its_key_a_secret_is_named_and_no_other_key_is_made(c, tmp_path):
    assert set_secret(c, "db", b"one")[0] == 200
    c.zshell("cluster", "backup", "-o", c.directory / "without", "--without-keys")
    c.zrms.kill()
    place = c.directory / "zrms" / KEYS
    shutil.copy(place, tmp_path / "kept")
    place.unlink()
    checked = run(BIN / "zrms", "check", "--dir", c.directory / "zrms")
    assert str(place) in checked.stdout
    c.start_zrms()
    assert not place.exists() and f"key.missing file={place}" in c.zrms.log.read_text()
    assert listed(c)["db"]["key_missing"] and "credentials/secrets.key" in c.zshell("secret", "list").stderr
    for status, answer in (set_secret(c, "db", b"two"), ask(c, None, "POST", "/v1/secrets/rotate-key")):
        assert status == 409 and str(place) in answer["error"]["message"], answer
    # It is found where somebody lays it.
    shutil.copy(tmp_path / "kept", place.with_suffix(".new"))
    place.with_suffix(".new").rename(place)
    until(lambda: not listed(c)["db"].get("key_missing"), "it is found")
    assert set_secret(c, "db", b"two")[1]["version"] == 2
    # Lost for good: what it had sealed is removed, and then there is another one.
    c.zrms.kill()
    place.unlink()
    c.start_zrms()
    c.zshell("secret", "rm", "db", "--force")
    assert set_secret(c, "db", b"three")[1]["version"] == 3
    c.zrms.kill()
    # A backup without keys says which file it needs.
    shown = run(BIN / "zrms", "restore", c.directory / "without", "--dir", c.directory / "zrms", "--replace").stdout
    kept = next(c.directory.glob("zrms.before-*"))
    assert f"copy {kept}/{KEYS} to {c.directory}/zrms/{KEYS}" in shown, shown
    # Others may read it: said, and not taken.
    shutil.copy(tmp_path / "kept", place.parent.mkdir(exist_ok=True) or place)
    place.chmod(0o644)
    refused = subprocess.run(c.zrms.command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and "chmod 600" in refused.stderr + refused.stdout


def test_a_key_that_comes_back_opens_and_seals_nothing_more(c, tmp_path):
    place = c.directory / "zrms" / KEYS
    assert set_secret(c, "db", b"one")[0] == 200
    old, = key_ids(c.directory / "zrms")
    shutil.copy(place, tmp_path / "old")
    c.zshell("cluster", "backup", "-o", c.directory / "without", "--without-keys")
    c.zshell("secret", "rotate-key")
    new, = key_ids(c.directory / "zrms")
    shutil.copy(place, tmp_path / "new")
    # The store is one of before, and the key that of now.
    c.zrms.kill()
    run(BIN / "zrms", "restore", c.directory / "without", "--dir", c.directory / "zrms", "--replace")
    place.parent.mkdir(exist_ok=True)
    shutil.copy(tmp_path / "new", place)
    c.start_zrms()
    assert listed(c)["db"]["key_missing"]
    assert set_secret(c, "own", b"two")[1]["key"] == new
    # As zrms says: the file with the key that is missing is copied over it. None is lost, and the newer one seals.
    shutil.copy(tmp_path / "old", place.with_suffix(".copy"))
    place.with_suffix(".copy").rename(place)
    until(lambda: {s["key"] for s in listed(c).values()} == {new}, "all are sealed with the newer one")
    until(lambda: key_ids(c.directory / "zrms") == [new], "the old one is gone")
    restart(c)
    assert not any(s.get("key_missing") for s in listed(c).values())

    def rotations():
        return c.zshell("cluster", "audit").stdout.count("with another key")

    # A rotation that could not end: who asks for another key gets one.
    c.zrms.kill()
    place.write_text((tmp_path / "new").read_text() + (tmp_path / "old").read_text().splitlines()[1] + "\n")
    assert key_ids(c.directory / "zrms") == [new, old]
    place.with_suffix(".key.new").mkdir()  # where the file is written first
    c.start_zrms()
    until(lambda: "key.not.rotated" in c.zrms.log.read_text(), "the old one cannot be dropped")
    refused, answer = set_secret(c, "own", b"three")
    assert refused == 500 and str(place) in answer["error"]["message"], answer
    place.with_suffix(".key.new").rmdir()
    assert set_secret(c, "own", b"three")[0] == 200
    noted = rotations()
    status, answer = ask(c, None, "POST", "/v1/secrets/rotate-key")
    assert status == 200 and answer["key"] not in (old, new), answer
    assert key_ids(c.directory / "zrms") == [answer["key"]]
    assert {s["key"] for s in listed(c).values()} == {answer["key"]}
    assert rotations() == noted + 1


def test_the_file_of_keys_is_sealed_with_the_passphrase_of_systemd(c, tmp_path, monkeypatch):
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "secrets-passphrase").write_text("correct horse battery\n")
    c.zrms.kill()
    (c.directory / "zrms" / KEYS).unlink()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(credentials))
    c.start_zrms()
    assert (c.directory / "zrms" / KEYS).read_text().startswith("samoza-secret-keys 1 sealed\n")
    assert set_secret(c, "db", b"one")[0] == 200
    c.zshell("secret", "rotate-key")
    restart(c)
    c.zshell("secret", "rotate-key")
    c.zrms.kill()
    (credentials / "secrets-passphrase").write_text("another passphrase\n")
    refused = subprocess.run(c.zrms.command, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and "secrets-passphrase" in refused.stderr + refused.stdout
    (credentials / "secrets-passphrase").write_text("correct horse battery\n")
    c.start_zrms()
    assert not listed(c)["db"].get("key_missing")


# ---- several zrms ----

class OneCannotWrite(ThreeZrms):
    """The last of them cannot write the file of keys."""

    def second_zrms(self, name="zrms-2", port=None):
        daemon = super().second_zrms(name, port)
        (self.directory / name / KEYS).unlink()  # of the first, which was copied
        if name == "zrms-3":
            (self.directory / name / (KEYS + ".new")).mkdir()
        return daemon


# Each set or rotation waits twelve seconds for the one that does not take the key: this is longer than other tests.
@needs_an_address
def test_each_of_several_zrms_can_open_them_when_it_leads(start_cluster):
    c = start_cluster(kind=OneCannotWrite, zhosts=())
    first = c.leader()
    directories = dict(zip((c.first_port, *c.other_ports), (c.directory / d for d in ("zrms", "zrms-2", "zrms-3"))))
    # An answer comes when the others have the key, too, or have had time for it; another key is not taken then.
    assert set_secret(c, "db", b"one")[0] == 200
    assert "key.not.shared" in "".join(daemon.log.read_text() for daemon in c.all_zrms().values())
    keys = key_ids(directories[first])
    status, answer = ask(c, None, "POST", "/v1/secrets/rotate-key")
    assert status == 503 and "nothing was changed" in answer["error"]["message"], answer
    assert key_ids(directories[first]) == keys == [listed(c)["db"]["key"]]
    (c.directory / "zrms-3" / (KEYS + ".new")).rmdir()
    until(lambda: all((d / KEYS).exists() and key_ids(d) == keys for d in directories.values()), "all have the key")
    assert set_secret(c, "db", b"one")[0] == 200
    same = (directories[first] / KEYS).read_text()
    assert all((d / KEYS).read_text() == same for d in directories.values())
    # Another key, which the other that is there gets before anything is sealed with it.
    c.all_zrms()[first].kill()
    second = c.leader(first)
    third = next(port for port in directories if port not in (first, second))
    status, answer = ask(c, None, "POST", "/v1/secrets/rotate-key")
    assert status == 200 and answer["sealed"] == 2 and answer["key"] in key_ids(directories[third]), answer
    # The one that was away has a key that nobody needs any more: it takes that of now.
    c.all_zrms()[first].start()
    until(lambda: key_ids(directories[first]) == key_ids(directories[second]) == [answer["key"]], "they have the same")
    # A leader that lacks the key says so, and gets it from one that stands by.
    for daemon in c.all_zrms().values():
        daemon.kill()
    (directories[second] / KEYS).unlink()
    c.all_zrms()[second].start()
    assert c.leader() == second and listed(c)["db"]["key_missing"]
    c.all_zrms()[first].start()
    until(lambda: not listed(c)["db"].get("key_missing"), "it has been brought")
    assert key_ids(directories[second]) == [answer["key"]]
    # The file of a leader cannot be read: others get what it has in memory.
    (directories[second] / KEYS).unlink()
    (directories[third] / KEYS).unlink()
    # One that cannot write it is counted until it can.
    place = (directories[third] / KEYS).with_suffix(".key.new")
    place.mkdir()
    c.all_zrms()[third].start()
    until(lambda: lacking(c) == 1, "it lacks the key")
    place.rmdir()
    until(lambda: (directories[third] / KEYS).exists() and key_ids(directories[third]) == [answer["key"]], "it has the key")
    until(lambda: lacking(c) == 0, "it has said so")
