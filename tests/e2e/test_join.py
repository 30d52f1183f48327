"""Machines that join with a token: joining, renewal, removal, and what is refused."""
import base64
import hashlib
import pathlib
import re
import shutil
import signal
import stat
import time

import pytest
from conftest import BIN, run, until
from native import native_app
from secure import SecureCluster, needs_an_address

pytestmark = needs_an_address


class ShortLived(SecureCluster):
    def __init__(self, directory, **options):
        super().__init__(directory, zrms_options=("--certificate-lifetime", "6s"), **options)


@pytest.fixture
def alone(start_cluster):
    return start_cluster(kind=SecureCluster, zhosts=())


def says(daemon, words):
    return until(lambda: words in daemon.log.read_text(), f"{daemon.name} says: {words}")


def create(cluster, *words):
    return cluster.zshell("cluster", "token", "create", *words).stdout.strip()


def joiner(cluster, name, token, *words, directory=None):
    """A zhost with --join; not started."""
    zhost = cluster.stranger(name)
    at = zhost.command.index("--zrms")
    zhost.command[at:at + 2] = ["--join", token, *words]
    if directory is not None:
        zhost.command[zhost.command.index("--dir") + 1] = directory
    return zhost


def shown(pid):
    """What /proc shows of a process: its command line and its environment."""
    return b"".join(pathlib.Path(f"/proc/{pid}/{part}").read_bytes() for part in ("cmdline", "environ"))


def below(pid):
    """The processes that it has started, and theirs."""
    own = [int(word) for f in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for word in f.read_text().split()]
    return own + [each for child in own for each in below(child)]


def whole(parts):
    """The word of these parts: its last one is a sum of the others."""
    word = ".".join(parts[:5])
    return word + "." + base64.urlsafe_b64encode(hashlib.sha256(word.encode()).digest()[:3]).decode()


def ends(zhost, words):
    zhost.start()
    assert zhost.process.wait(timeout=30) != 0
    assert words in zhost.log.read_text(), zhost.log.read_text()


def test_a_machine_joins_with_one_word_and_needs_it_no_more(alone):
    token = create(alone, "--name", "n*", "--labels", "zone=a")
    assert re.fullmatch(r"smz2\.[a-z0-9]{8}\.[\w-]{43}\.[\w-]{43}\.[\w-]+\.[\w-]{4}", token)
    zhost = joiner(alone, "n1", token)
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    says(zhost, "accepted zrms=")  # zrms knows it a moment before it does itself
    directory = alone.directory / "n1" / "credentials"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    until(lambda: sorted(f.name for f in directory.iterdir()) == ["addresses", "authorities.pem", "identity.pem", "joined-with"], "its files")
    assert all(stat.S_IMODE(f.stat().st_mode) == 0o600 for f in directory.iterdir())
    secret = token.split(".")[2]
    assert not any(secret in f.read_text() for f in directory.iterdir())
    assert {"name": "zone", "value": "a"} in alone.get("/v1/zhosts/n1")["labels"]
    # Again with the same word, as a unit file would, and without it.
    zhost.kill(signal.SIGTERM)
    accepted = zhost.log.read_text().count("accepted zrms=")
    zhost.start()
    until(lambda: zhost.log.read_text().count("accepted zrms=") > accepted, "it is accepted again")
    assert "joined.before" in zhost.log.read_text()
    zhost.kill(signal.SIGTERM)
    at = zhost.command.index("--join")
    del zhost.command[at:at + 2]
    accepted = zhost.log.read_text().count("accepted zrms=")
    zhost.start()
    until(lambda: zhost.log.read_text().count("accepted zrms=") > accepted, "it is accepted")
    wide = alone.zshell("cluster", "zhosts", "-o", "wide").stdout
    assert "CERTIFICATE UNTIL" in wide and alone.get("/v1/zhosts/n1")["certificate_expires"] in wide
    assert 'samoza_zhost_certificate_expires_seconds{zhost="n1"} ' in alone.ask("/metrics", alone.admin)[1]
    assert "1/1" in alone.zshell("cluster", "token", "list").stdout


@pytest.mark.parametrize("given", ["line", "equals", "environment"])
def test_the_word_is_nowhere_to_be_read_once_it_has_joined(alone, sweep_groups, monkeypatch, given):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    token = create(alone)
    secret = token.split(".")[2].encode()
    zhost = joiner(alone, "n1", token)
    at = zhost.command.index("--join")
    if given == "equals":
        zhost.command[at:at + 2] = [f"--join={token}"]
    elif given == "environment":
        del zhost.command[at:at + 2]
        monkeypatch.setenv("ZHOST_JOIN", token)
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    alone.submit(alone.build(native_app(alone, "run", [{"name": "p", "run": {"mode": "foreground"}}], {
        "p/recipes/start": "#!/bin/sh\nexec sleep 1000\n"}), "run"))
    assert secret not in shown(zhost.process.pid)
    children = below(zhost.process.pid)
    assert children, "the space has processes"
    assert not any(secret in shown(pid) for pid in children)


def test_what_cannot_join_says_which_side_must_do_what(alone):
    token = create(alone, "--name", "edge-*")
    ends(joiner(alone, "n1", token), "the join token is for names such as 'edge-*', not for 'n1'")
    ends(joiner(alone, "edge-1", token[:-1]), "copy the whole word as it was printed")
    parts = token.split(".")
    assert whole(parts) == token
    ends(joiner(alone, "edge-1", f"smz1.{'.'.join(parts[1:5])}"), "is of another version: install the version that made it")
    ends(joiner(alone, "edge-1", whole([*parts[:3], "A" * 43, parts[4]])), "this is another cluster: its CA is")
    parts[2] = "A" * 43
    ends(joiner(alone, "edge-1", ".".join(parts)), "copy the whole word as it was printed")
    ends(joiner(alone, "edge-1", whole(parts)), "not known here: it was revoked")
    alone.zshell("cluster", "token", "rm", parts[1])
    ends(joiner(alone, "edge-1", token), "zshell cluster token create")
    assert alone.get("/v1/zhosts")["zhosts"] == []


def test_a_name_is_taken_over_with_a_fresh_token_and_replace(alone):
    first = joiner(alone, "n1", create(alone))
    first.start()
    alone.wait_zhost("n1", "deployed-started")
    second = alone.directory / "second"
    token = create(alone)
    ends(joiner(alone, "n1", token, directory=second), "with a fresh token and --replace")
    successor = joiner(alone, "n1", token, "--replace", directory=second)
    successor.start()
    says(first, "another machine has joined under this name")
    until(lambda: "accepted zrms=" in successor.log.read_text().split("joined cluster=")[-1], "the second one joins")
    assert first.is_running()
    first.kill()


def test_joining_can_be_killed_anywhere_and_begun_again(alone):
    """What is left by a kill at each step: the key, then each file."""
    zhost = joiner(alone, "n1", create(alone))
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    zhost.kill()
    credentials = alone.directory / "n1" / "credentials"
    whole = {f.name: f.read_bytes() for f in credentials.iterdir()}
    key = whole["identity.pem"][whole["identity.pem"].index(b"-----BEGIN PRIVATE KEY"):]
    for left in ([], ["authorities.pem"], ["authorities.pem", "addresses"],
                 ["authorities.pem", "addresses", "identity.pem"]):
        shutil.rmtree(credentials)
        credentials.mkdir(mode=0o700)
        for name, data in {**{n: whole[n] for n in left}, "joining.pem": key}.items():
            (credentials / name).write_bytes(data)
            (credentials / name).chmod(0o600)
        begun = zhost.log.read_text().count("accepted zrms=")
        zhost.start()
        until(lambda: zhost.log.read_text().count("accepted zrms=") > begun, f"it joins after {left}")
        zhost.kill()
    assert "1/1" in alone.zshell("cluster", "token", "list").stdout  # no further use


def test_killed_at_any_moment_a_machine_joins_with_the_same_word(alone):
    zhost = joiner(alone, "n1", create(alone))
    for wait in (0.002, 0.01, 0.03, 0.06, 0.1, 0.2):
        zhost.start()
        time.sleep(wait)  # at which moment is not known, and that is the point
        zhost.kill()
        if wait == 0.06:
            alone.zrms.kill()
            alone.start_zrms()
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    assert "1/1" in alone.zshell("cluster", "token", "list").stdout


def test_a_removed_zhost_is_told_so_and_comes_back_with_a_fresh_token(alone):
    zhost = joiner(alone, "n1", create(alone))
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    alone.zshell("cluster", "rm", "n1")
    assert zhost.process.wait(timeout=20) == 0
    says(zhost, "zhost --join TOKEN --replace")
    at = zhost.command.index("--join")
    zhost.start()
    says(zhost, "join again with a fresh token and --replace")
    zhost.kill()
    zhost.command[at:at + 2] = ["--join", create(alone), "--replace"]
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")


def test_startz_node_joins_with_a_token(alone):
    token, home = create(alone), alone.directory / "node"
    node = BIN / "startz", "node", "--name", "n1", "--dir", home, "--detach"
    refused = run(*node, check=False)
    assert refused.returncode != 0 and "give --zrms URL, or --join TOKEN" in refused.stderr
    broken = run(*node, "--join", token[:-1], check=False)
    assert broken.returncode != 0 and "copy the whole word as it was printed" in broken.stderr
    try:
        done = run(*node, "--join", token)
        assert "n1 is ready" in done.stdout
        alone.wait_zhost("n1", "deployed-started")
        assert alone.get("/v1/zhosts/n1")["certificate_expires"]
        run(*node, "--join", token)  # again: nothing
        run(BIN / "startz", "down", "--dir", home)
        alone.wait_zhost("n1", "problem")
        run(*node, "--join", token)  # it has joined
        alone.wait_zhost("n1", "deployed-started")
    finally:
        run(BIN / "startz", "down", "--dir", home, check=False)


def test_an_administrators_token_does_not_let_a_removed_zhost_in(alone):
    zhost = joiner(alone, "n1", create(alone))
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    alone.zshell("cluster", "rm", "n1")
    assert zhost.process.wait(timeout=20) == 0
    again = alone.stranger("n1", zrms=f"http://127.0.0.1:{alone.port}")
    again.command[again.command.index("--dir") + 1] = alone.directory / "elsewhere"
    again.command += ["--token-file", alone.directory / "zrms" / "credentials" / "local-admin"]
    again.start()
    says(again, "with a token that was made for it since then")
    assert alone.get("/v1/zhosts")["zhosts"] == []


def test_certificates_are_renewed_by_themselves(start_cluster):
    c = start_cluster(kind=ShortLived, zhosts=())
    zhost = joiner(c, "n1", create(c))
    zhost.start()
    c.wait_zhost("n1", "deployed-started")
    identity = c.directory / "n1" / "credentials" / "identity.pem"
    keys = {identity.read_bytes()}
    until(lambda: keys.add(identity.read_bytes()) or len(keys) >= 4, "three renewals, each with a new key", 60)
    assert c.get("/v1/zhosts/n1")["state"] == "deployed-started"
    assert "problem" not in c.zrms.log.read_text()
    # zrms is away for longer than the certificate lives: the old key is enough.
    c.zrms.kill()
    time.sleep(7)
    c.start_zrms()
    says(zhost, "certificate.expired")
    until(lambda: "certificate.renewed" in zhost.log.read_text().split("certificate.expired")[-1], "it is renewed")
    c.wait_zhost("n1", "deployed-started")
    # It was removed while it was away.
    zhost.kill()
    time.sleep(7)
    c.wait_zhost("n1", "problem")
    c.zshell("cluster", "rm", "n1")
    zhost.start()
    says(zhost, "does not know this machine any more")
    assert c.get("/v1/zhosts")["zhosts"] == []


def test_a_cloned_disk_is_refused(alone):
    zhost = joiner(alone, "n1", create(alone))
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    copy = alone.directory / "copy"
    shutil.copytree(alone.directory / "n1", copy, ignore=shutil.ignore_patterns("run", "*.s"))
    clone = joiner(alone, "n1", "unused", directory=copy)
    at = clone.command.index("--join")
    del clone.command[at:at + 2]
    clone.start()
    says(clone, "with the same identity")
    until(lambda: any("another machine with the same identity was refused" in e["cause"]
                      for e in alone.get("/v1/events?stream=0")["events"]), "an event of it")
    assert alone.get("/v1/zhosts/n1")["state"] == "deployed-started"
    clone.kill()
    assert zhost.is_running()


def test_a_control_plane_of_a_backup_takes_zhosts_that_have_renewed_since(start_cluster, tmp_path):
    """Keys that came after the backup are not in it; what was removed before it stays out."""
    c = start_cluster(kind=ShortLived, zhosts=())
    for name in ("n1", "n2", "gone"):
        joiner(c, name, create(c)).start()
    for name in ("n1", "n2", "gone"):
        c.wait_zhost(name, "deployed-started")
    c.zshell("cluster", "rm", "gone")
    assert c.zhosts["gone"].process.wait(timeout=20) == 0
    c.submit(c.build(native_app(c, "run", [
        {"name": f"p{i}", "run": {"mode": "foreground"}, "placement": {"constraints": [f"zhost == n{i}"]}} for i in (1, 2)],
        {f"p{i}/recipes/start": "#!/bin/sh\necho began\nexec sleep 1000\n" for i in (1, 2)}), "run"))
    held = {name: c.zruns(name) for name in ("n1", "n2")}
    file = tmp_path / "cluster.backup"
    c.zshell("cluster", "backup", "-o", file)
    identities = {name: c.directory / name / "credentials" / "identity.pem" for name in ("n1", "n2")}
    seen = {name: {path.read_bytes()} for name, path in identities.items()}
    for name, path in identities.items():
        until(lambda name=name, path=path: seen[name].add(path.read_bytes()) or len(seen[name]) >= 3,
              f"{name} renews twice after the backup")
    c.zrms.kill()
    shutil.rmtree(c.directory / "zrms")
    shown = run(BIN / "zrms", "restore", file, "--dir", c.directory / "zrms").stdout
    assert "also those that have renewed their certificates" in shown
    time.sleep(7)  # also the certificate that each has now ends
    c.start_zrms()
    for name in ("n1", "n2"):
        until(lambda name=name: f"take zhost {name} by a certificate that was issued after the backup"
              in c.zshell("cluster", "audit").stdout, f"{name} is taken")
        c.wait_zhost(name, "deployed-started")
    assert {name: c.zruns(name) for name in ("n1", "n2")} == held
    before = {name: path.read_bytes() for name, path in identities.items()}
    until(lambda: all(path.read_bytes() != before[name] for name, path in identities.items()), "they renew again")
    # Who was removed before the backup, and who nobody knows.
    c.zhosts["gone"].start()
    says(c.zhosts["gone"], "does not know this machine any more")


def test_a_word_that_is_used_up_says_what_to_ask_for(alone):
    token = create(alone)
    joiner(alone, "n1", token).start()
    alone.wait_zhost("n1", "deployed-started")
    second = joiner(alone, "n2", token)
    ends(second, "the join token is used up: it was for 1 machine; ask for another one on the cluster's side: "
                 "zshell cluster token create")
    assert not (alone.directory / "n2" / "credentials" / "identity.pem").exists()
    at = second.command.index("--join")
    second.command[at + 1] = create(alone)
    second.start()
    alone.wait_zhost("n2", "deployed-started")


def test_a_zrms_that_ends_while_a_machine_joins_is_named_and_the_same_word_is_good_later(alone):
    token = create(alone)
    zhost = joiner(alone, "n1", token)
    alone.zrms.process.send_signal(signal.SIGSTOP)  # the kernel takes the connection, and nobody answers
    zhost.start()
    until(lambda: (alone.directory / "n1" / "credentials" / "joining.pem").exists(), "it has made its key, and asks")
    alone.zrms.kill()
    assert zhost.process.wait(timeout=30) != 0
    said = zhost.log.read_text()
    assert "this machine has not joined: zrms at " in said, said
    key = (alone.directory / "n1" / "credentials" / "joining.pem").read_bytes()
    alone.start_zrms()
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    assert key in (alone.directory / "n1" / "credentials" / "identity.pem").read_bytes()
    assert "1/1" in alone.zshell("cluster", "token", "list").stdout
