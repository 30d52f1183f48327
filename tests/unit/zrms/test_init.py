"""zrms init: what it makes, what it refuses, and that it can be killed anywhere."""
import json
import os
import re
import signal
import stat
import subprocess
import time

import pytest

# In the order in which they are made.
FILES = ["credentials/authority.pem", "credentials/authorities.pem", "credentials/identity.pem",
         "credentials/first-admin", "cluster.json"]
ADDRESS = "192.0.2.7:7331"


@pytest.fixture
def init(tmp_path):
    def run(*words, listen=("--listen", ADDRESS), directory="a cluster", **options):
        return subprocess.run([os.environ["ZRMS"], "init", "--dir", tmp_path / directory, *listen, *words],
                              text=True, capture_output=True, timeout=60, **options)
    run.dir = tmp_path / "a cluster"
    return run


def names_of(path):
    text = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-ext", "subjectAltName"],
                          text=True, capture_output=True, check=True).stdout
    return re.sub(r"\s+", " ", text)


def test_what_it_makes_is_for_its_owner_only(init):
    done = init("--name", "lab", "--advertise", "zrms.example,192.0.2.7,2001:db8::7")
    assert done.returncode == 0, done.stderr
    tokens = re.findall(r"^smzu_[A-Za-z0-9_-]{43}$", done.stdout, re.M)
    assert len(tokens) == 1 and 'cluster "lab"' in done.stdout
    assert stat.S_IMODE(init.dir.stat().st_mode) == 0o700
    for name in FILES:
        assert stat.S_IMODE((init.dir / name).stat().st_mode) == 0o600, name
        assert tokens[0] not in (init.dir / name).read_text()
    cluster = json.loads((init.dir / "cluster.json").read_text())
    assert cluster == {"id": cluster["id"], "name": "lab", "listen": ADDRESS,
                       "advertise": ["zrms.example", "192.0.2.7", "2001:db8::7"]}
    names = names_of(init.dir / "credentials/identity.pem")
    assert f"URI:samoza:{cluster['id']}/zrms/zrms" in names and "DNS:zrms.example" in names
    assert "IP Address:192.0.2.7" in names and "IP Address:2001:DB8:0:0:0:0:0:7" in names
    subprocess.run(["openssl", "verify", "-CAfile", init.dir / "credentials/authorities.pem",
                    init.dir / "credentials/identity.pem"], check=True, capture_output=True)


def test_without_names_it_is_reached_as_it_listens(init):
    assert init().returncode == 0
    assert json.loads((init.dir / "cluster.json").read_text())["advertise"] == ["192.0.2.7"]
    assert "IP Address:192.0.2.7" in names_of(init.dir / "credentials/identity.pem")


def test_it_is_refused_twice_and_changes_nothing(init):
    assert init("--name", "lab").returncode == 0
    before = {name: (init.dir / name).read_bytes() for name in FILES}
    again = init("--name", "other")
    assert again.returncode == 1 and again.stdout == ""
    assert 'is that of the cluster "lab"' in again.stderr and "user token rotate admin" in again.stderr
    assert before == {name: (init.dir / name).read_bytes() for name in FILES}


@pytest.mark.parametrize("listen, words", [
    ((), "give --listen ADDRESS:PORT"),
    (("--listen", "127.0.0.1:7331"), "no other machine reaches 127.0.0.1"),
    (("--listen", "[::1]:7331"), "no other machine reaches ::1"),
    (("--listen", "192.0.2.7:0"), "give --listen a port"),
    (("--listen", "zrms.example:7331"), "is not an address of this machine"),
    (("--listen", ADDRESS, "--advertise", "a,,b"), "has an empty name"),
    (("--listen", ADDRESS, "--advertise", "a b"), "cannot certify the address 'a b'"),
])
def test_what_cannot_work_is_refused(init, listen, words):
    done = init(listen=listen)
    assert done.returncode != 0 and words in done.stderr and "smzu_" not in done.stdout
    assert not (init.dir / "cluster.json").exists()


def test_a_token_that_nobody_sees_is_none(init):
    with open("/dev/full", "w") as full:
        done = subprocess.run([os.environ["ZRMS"], "init", "--dir", init.dir, "--listen", ADDRESS], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1 and "cannot print the token" in done.stderr
    assert not (init.dir / "cluster.json").exists()
    assert init().returncode == 0


def test_the_key_of_the_authority_can_be_sealed(init, tmp_path):
    good, wrong, short = (tmp_path / name for name in ("good", "wrong", "short"))
    good.write_text("correct horse battery\n")
    wrong.write_text("another one\n")
    short.write_text("short\n")
    assert "at least 8 bytes" in init("--ca-passphrase-file", short).stderr
    assert init("--ca-passphrase-file", good).returncode == 0
    assert "BEGIN ENCRYPTED PRIVATE KEY" in (init.dir / "credentials/authority.pem").read_text()
    started = [os.environ["ZRMS"], "--dir", init.dir, "--listen", "127.0.0.1:0"]

    def refused(*words, **options):
        done = subprocess.run([*started, *words], text=True, capture_output=True, timeout=60, **options)
        assert done.returncode == 1
        return done.stderr

    assert "and none was given: give --ca-passphrase-file FILE, or the systemd credential" in refused()
    assert "and not with the one that was given" in refused("--ca-passphrase-file", wrong)
    assert "cannot read" in refused("--ca-passphrase-file", tmp_path / "none")
    (tmp_path / "ca-passphrase").write_text("correct horse battery\n")
    for words, environment in ((("--ca-passphrase-file", good), {}), ((), {"CREDENTIALS_DIRECTORY": str(tmp_path)})):
        zrms = subprocess.Popen([*started, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, **environment})
        assert any("listening" in line for line in zrms.stderr)
        zrms.send_signal(signal.SIGTERM)
        zrms.communicate()


@pytest.mark.parametrize("made", range(len(FILES)))
def test_given_up_between_two_files_it_can_be_given_again(init, made):
    assert init().returncode == 0
    written = sorted(FILES, key=lambda name: (init.dir / name).stat().st_mtime_ns)
    assert written == FILES
    for name in FILES[made:]:
        (init.dir / name).unlink()
    (init.dir / (FILES[made] + ".new")).write_text("half")  # as it was being written
    done = init("--name", "again")
    assert done.returncode == 0 and "smzu_" in done.stdout, done.stderr
    subprocess.run(["openssl", "verify", "-CAfile", init.dir / "credentials/authorities.pem",
                    init.dir / "credentials/identity.pem"], check=True, capture_output=True)
    assert json.loads((init.dir / "cluster.json").read_text())["name"] == "again"


def test_killed_at_any_moment_it_is_made_or_can_be_given_again(init, tmp_path):
    for i in range(25):
        directory = tmp_path / f"{i}"
        process = subprocess.Popen([os.environ["ZRMS"], "init", "--dir", directory, "--listen", ADDRESS],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.002 * i)  # only where it is killed differs: what must hold does not
        process.send_signal(signal.SIGKILL)
        printed = process.communicate()[0]
        is_made = (directory / "cluster.json").exists()
        done = init(directory=f"{i}")
        assert done.returncode == (1 if is_made else 0), done.stderr
        assert not is_made or "smzu_" in printed


def test_a_store_that_is_there_keeps_its_id(init, tmp_path):
    zrms = subprocess.Popen([os.environ["ZRMS"], "--dir", init.dir, "--listen", "127.0.0.1:0"],
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for line in zrms.stderr:
        if "listening" in line:
            break
    busy = init()
    assert busy.returncode == 1 and "is in use by another zrms" in busy.stderr
    zrms.send_signal(signal.SIGTERM)
    zrms.communicate()
    assert init().returncode == 0
    cluster = json.loads((init.dir / "cluster.json").read_text())["id"]
    assert cluster.encode() in (init.dir / "zrms.db").read_bytes()


def test_without_it_other_machines_are_not_listened_to(tmp_path):
    done = subprocess.run([os.environ["ZRMS"], "--dir", tmp_path / "z", "--listen", ADDRESS], text=True,
                          capture_output=True, timeout=60)
    assert done.returncode == 1
    assert f"make them with zrms init --dir {tmp_path}/z --listen {ADDRESS}" in done.stderr
