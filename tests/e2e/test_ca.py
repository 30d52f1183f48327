"""The certificate authority is rotated: nothing restarts, and who was away comes back."""
import re
import signal
import subprocess

import pytest
from conftest import BIN, run, until
from native import native_app
from secure import SecureCluster, needs_an_address
from test_join import create, joiner, says
from test_login import shell

pytestmark = needs_an_address


class Rotated(SecureCluster):
    """Certificates of seconds; zhosts that have joined."""

    def __init__(self, directory, **options):
        super().__init__(directory, zrms_options=("--certificate-lifetime", "20s"), **options)

    def authorities(self):
        return self.get("/v1/authorities")

    def rotate(self, *words):
        return self.zshell("cluster", "ca", "rotate", *words)

    def join_all(self, *names):
        for name in names:
            joiner(self, name, create(self)).start()
        for name in names:
            self.wait_zhost(name, "deployed-started")

    def keys_of(self, name):
        return self.directory / name / "credentials"

    def believed(self, name):
        """Names of the authorities in its file."""
        return names_of(self.keys_of(name) / "authorities.pem")

    def is_rotated(self, number):
        """Whether that one alone is believed, and everybody has followed."""
        v = self.authorities()
        return v["rotation"] == "none" and not v.get("missing") and \
            [a["number"] for a in v["authorities"] if a["state"] == "signs"] == [number]


def names_of(pem):
    found = re.findall("-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", pem.read_text(), re.S)
    return [subject_of(text, "subject") for text in found]


def subject_of(text, which):
    line = subprocess.run(["openssl", "x509", "-noout", f"-{which}"], input=text, text=True, check=True,
                          capture_output=True).stdout
    return re.search(r"CN = (.*)", line).group(1)


def issuer_of(path):
    return subject_of(path.read_text(), "issuer")


def in_backup(path, to):
    """The credentials in it."""
    run(BIN / "zrms", "restore", path, "--dir", to)
    return {f.name: f.read_text() for f in (to / "credentials").iterdir() if f.is_file()}


@pytest.fixture
def cluster(start_cluster, sweep_groups):
    return start_cluster(kind=Rotated, zhosts=())


def test_an_authority_takes_the_place_of_another_and_no_space_notices(cluster):
    cluster.join_all("n1", "n2", "n3")
    cluster.submit(cluster.build(native_app(cluster, "run", [
        {"name": f"p{i}", "run": {"mode": "foreground"}, "placement": {"constraints": [f"zhost == n{i}"]}}
        for i in (1, 2, 3)], {f"p{i}/recipes/start": "#!/bin/sh\necho began\nexec sleep 1000\n" for i in (1, 2, 3)}),
        "run"))
    assert "Samoza CA 1" in cluster.zshell("cluster", "ca").stdout
    events = cluster.get("/v1/events?stream=0")["events"][-1]["seq"]
    assert "Samoza CA 2" in cluster.rotate().stdout
    until(lambda: cluster.is_rotated(2), "all have followed", 60)
    for name in ("n1", "n2", "n3"):
        assert cluster.believed(name) == ["Samoza CA 2"]
        assert issuer_of(cluster.keys_of(name) / "identity.pem") == "Samoza CA 2"
    own = cluster.directory / "zrms" / "credentials"
    assert names_of(own / "authority.pem") == ["Samoza CA 2"]
    assert issuer_of(own / "identity.pem") == "Samoza CA 2"
    assert not (own / "authority-next.pem").exists()
    moved = [e for e in cluster.get(f"/v1/events?stream=0&after={events}")["events"]
             if e["kind"] not in ("credential",)]
    assert moved == [], "nothing has changed but credentials"
    for i in (1, 2, 3):
        log = cluster.zshell("spaces", "logs", f"run/p{i}").stdout
        assert log.count("began") == 1
    audit = cluster.zshell("cluster", "audit").stdout
    assert "rotate the certificate authority: Samoza CA 2" in audit
    # Once more, by the one that is new.
    cluster.rotate()
    until(lambda: cluster.is_rotated(3), "all have followed", 60)


def test_who_holds_it_up_is_named_and_tokens_have_both_pins(cluster):
    cluster.join_all("n1", "n2")
    cluster.zhosts["n2"].kill()
    cluster.rotate()
    until(lambda: cluster.authorities().get("missing") == ["n2"], "n1 has followed")
    shown = cluster.zshell("cluster", "ca").stdout
    assert "It waits for:" in shown and "n2" in shown
    again = cluster.zshell("cluster", "ca", "rotate", check=False)
    assert again.returncode == 1 and "--finish or --abort" in again.stderr
    token = create(cluster)
    assert len(token.split(".")[3].split("+")) == 2
    joiner(cluster, "n3", token).start()
    cluster.wait_zhost("n3", "deployed-started")
    assert cluster.believed("n3") == ["Samoza CA 1", "Samoza CA 2"]
    backup = cluster.directory / "backup"
    cluster.zshell("cluster", "backup", "-o", str(backup))
    keys = in_backup(backup, cluster.directory / "restored")
    assert "PRIVATE KEY" in keys["authority.pem"] and "PRIVATE KEY" in keys["authority-next.pem"]
    for _ in range(2):  # killed in the middle, nothing is forgotten
        cluster.zrms.kill()
        cluster.start_zrms()
        until(lambda: cluster.authorities().get("missing") == ["n2"], "it waits for the same one")
    cluster.zhosts["n2"].start()
    until(lambda: cluster.is_rotated(2), "all have followed", 60)


def test_who_was_away_for_all_of_it_comes_back_by_the_key_of_before(cluster):
    cluster.join_all("n1", "n2")
    away = cluster.zhosts["n2"]
    old = create(cluster)
    away.kill()
    cluster.rotate()
    until(lambda: cluster.authorities().get("missing") == ["n2"], "n1 has followed")
    cluster.rotate("--finish")
    until(lambda: cluster.authorities()["rotation"] == "none", "it does not wait for n2", 60)
    assert cluster.believed("n2") == ["Samoza CA 1"]
    cluster.zrms.kill()
    cluster.start_zrms()
    away.start()
    until(lambda: cluster.is_rotated(2), "n2 has followed", 60)
    assert cluster.believed("n2") == ["Samoza CA 2"]
    assert issuer_of(cluster.keys_of("n2") / "identity.pem") == "Samoza CA 2"
    cluster.wait_zhost("n2", "deployed-started")
    # Also with a token of before, whose pin is that of the former one, and with the same word in a unit file.
    late = joiner(cluster, "n3", old)
    late.start()
    cluster.wait_zhost("n3", "deployed-started")
    assert cluster.believed("n3") == ["Samoza CA 2"]
    says(late, "accepted zrms=")
    late.kill(signal.SIGTERM)
    late.start()
    until(lambda: late.log.read_text().count("accepted zrms=") >= 2, "it is accepted again")
    # Removed is removed: the former authority helps nobody whose key is not known.
    away.kill()
    cluster.wait_zhost("n2", "problem")
    cluster.zshell("cluster", "rm", "n2")
    away.start()
    says(away, "does not know this machine any more")


def test_a_rotation_is_taken_back(cluster):
    cluster.join_all("n1")
    cluster.rotate()
    until(lambda: cluster.is_rotated(2), "it is rotated", 60)
    joiner(cluster, "n2", create(cluster)).start()
    cluster.wait_zhost("n2", "deployed-started")
    cluster.zhosts["n2"].kill()
    cluster.rotate()
    until(lambda: cluster.authorities().get("missing") == ["n2"], "n1 has followed")
    cluster.rotate("--abort")
    cluster.zhosts["n2"].start()
    until(lambda: cluster.is_rotated(2), "the one of before signs, alone", 60)
    own = cluster.directory / "zrms" / "credentials"
    assert names_of(own / "authority.pem") == ["Samoza CA 2"] and not (own / "authority-next.pem").exists()
    assert cluster.believed("n1") == ["Samoza CA 2"]


def test_programs_that_knew_the_former_authority_go_on_and_are_told_what_to_do_in_the_end(cluster, tmp_path):
    cluster.join_all("n1")
    kept = tmp_path / "authorities.pem"
    kept.write_bytes(cluster.ca.read_bytes())
    home = tmp_path / "home"
    url, options = cluster.secure_url, {"input": cluster.admin + "\n"}
    shell(home, "login", url, "--name", "by-fingerprint", "--fingerprint", cluster.fingerprint, **options)
    shell(home, "login", url, "--name", "by-file", "--ca", str(kept), **options)
    ways = [("--context", "by-fingerprint"), ("--context", "by-file"),
            ("--api", url, "--ca", str(kept)), ("--api", url, "--fingerprint", cluster.fingerprint)]

    def all_go():
        for way in ways:
            assert "n1" in shell(home, *way, "cluster", "zhosts", env={"SAMOZA_TOKEN": cluster.admin}).stdout
    all_go()
    cluster.rotate()
    all_go()
    until(lambda: cluster.is_rotated(2), "all have followed", 60)
    all_go()
    cluster.zrms.kill()
    cluster.start_zrms()
    all_go()
    # After 90 days there is no certificate of the former one any more.
    cluster.zrms.kill()
    (cluster.directory / "zrms" / "credentials" / "identity-1.pem").unlink()
    cluster.start_zrms()
    for way in ways:
        refused = shell(home, *way, "cluster", "zhosts", check=False, env={"SAMOZA_TOKEN": cluster.admin})
        assert refused.returncode == 1 and "log in again (zshell login)" in refused.stderr
    shell(home, "login", url, "--name", "by-file", "--ca", str(cluster.ca), **options)
    assert "n1" in shell(home, "--context", "by-file", "cluster", "zhosts").stdout
