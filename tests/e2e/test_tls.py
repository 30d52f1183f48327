"""Machines that reach each other over networks that nobody trusts: TLS, certificates, and what they refuse."""
import json
import re
import signal
import socket
import ssl
import subprocess
import time

import pytest
from conftest import BIN, free_port, run, until
from native import SLEEPER, native_app
from secure import ADDRESS, ISSUE, SecureCluster, issue, needs_an_address

pytestmark = needs_an_address
SLEEPS = {"name": "p", "run": {"mode": "foreground"}}


@pytest.fixture
def s(sweep_groups, start_cluster, monkeypatch):
    monkeypatch.setenv("ZHOST_ALLOW_EXEC", "true")
    return start_cluster(kind=SecureCluster, zhosts=("n1", "n2"), timeout="20s")


@pytest.fixture
def alone(start_cluster):
    return start_cluster(kind=SecureCluster, zhosts=())


def says(daemon, words):
    return until(lambda: words in daemon.log.read_text(), f"{daemon.name} says: {words}")


def link_of(cluster, identity=None):
    """TLS with ALPN samoza-link/1, as a zhost dials it."""
    context = ssl.create_default_context(cafile=str(cluster.ca))
    context.set_alpn_protocols(["samoza-link/1"])
    if identity is not None:
        context.load_cert_chain(str(identity / "identity.pem"))
    return context.wrap_socket(socket.create_connection((ADDRESS, cluster.port), timeout=20), server_hostname=ADDRESS)


def test_a_cluster_lives_over_tls(s, example_package):
    """Submit, artifacts, running, exec, logs, events; and each side is killed."""
    package = s.directory / "my-app.mex"
    package.write_bytes(example_package.read_bytes())
    run(BIN / "mex", "sign", package, "--key", s.key)
    s.submit(package)
    s.submit(s.build(native_app(s, "run", [SLEEPS], {"p/recipes/start": "#!/bin/sh\necho begun\nexec sleep 1000\n"}), "run"))
    for name in ("n1", "n2"):
        says(s.zhosts[name], f"accepted zrms={s.secure_url}")
        assert not (s.directory / name / "credentials" / "zhost").exists()
    assert s.ask("/v1/topologies/run", s.admin)[0] == 200
    until(lambda: "begun" in s.ask("/v1/topologies/run/logs?path=p&lines=10", s.admin)[1], "its log can be read")
    assert "my-app" in s.ask("/v1/events?stream=0", s.admin)[1]
    done = run(BIN / "zshell", "--api", s.url, "spaces", "exec", "run/p", "--", "echo", "from inside")
    assert done.stdout == "from inside\n"
    before = {name: s.zruns(name) for name in ("n1", "n2")}
    s.restart_zrms()
    s.wait_state("run", "running")
    s.restart_zhost("n1")
    until(lambda: s.state("my-app") == "running" and s.state("run") == "running", "everything runs")
    assert {name: s.zruns(name) for name in ("n1", "n2")} == before  # no space was touched


def test_a_graceful_end_closes_every_link(s):
    s.zrms.process.send_signal(signal.SIGTERM)
    assert s.zrms.process.wait(timeout=20) == 0
    assert "shutdown.forced" not in s.zrms.log.read_text()


def test_who_shows_nothing_gets_nothing(alone):
    assert alone.ask("/healthz")[0] == 200
    assert alone.ask("/v1/topologies")[0] == 401
    with link_of(alone) as link, pytest.raises(ssl.SSLError, match="certificate.required|CERTIFICATE_REQUIRED"):
        link.recv(1)
    says(alone.zrms, "that machine must join the cluster first")
    nobody = alone.stranger("n9")
    nobody.start()
    assert nobody.process.wait(timeout=20) == 2
    assert "this machine must join the cluster first" in nobody.log.read_text()


def test_a_certificate_is_its_zhost_and_nothing_else(alone):
    own = alone.directory / "n1"
    alone.issue("n1", own)
    assert alone.ask("/v1/topologies", identity=own / "credentials")[0] == 403
    assert alone.ask("/v1/users", identity=own / "credentials")[0] == 403
    assert alone.ask("/v1/artifacts/sha256/" + "0" * 64, identity=own / "credentials")[0] == 404
    assert alone.ask("/v1/topologies", alone.admin, identity=own / "credentials")[0] == 200
    assert alone.ask("/v1/topologies", "smzu_" + "a" * 43, identity=own / "credentials")[0] == 401

    # A link that a request became would outlive the certificate.
    context = ssl.create_default_context(cafile=str(alone.ca))
    context.load_cert_chain(str(own / "credentials" / "identity.pem"))
    with context.wrap_socket(socket.create_connection((ADDRESS, alone.port), timeout=20),
                             server_hostname=ADDRESS) as link:
        link.sendall(b"GET /v1/link HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
                     b"Upgrade: samoza-link/1\r\n\r\n")
        answer = link.recv(4096)
        assert b" 403 " in answer and b"links over TLS go by ALPN samoza-link/1" in answer, answer

    other = alone.stranger("n2")
    issue(alone.directory / "zrms", "n1", alone.directory / "n2")
    other.start()
    assert other.process.wait(timeout=20) == 1
    assert "is that of zhost 'n1', and this is zhost 'n2'" in other.log.read_text()

    person = alone.directory / "person"
    issue(alone.directory / "zrms", "ann", person, role="user")
    with link_of(alone, person / "credentials") as link:
        assert link.recv(1) == b""
    says(alone.zrms, "a link is for zhosts only")
    assert alone.ask("/v1/topologies", identity=person / "credentials")[0] == 401


def test_another_cluster_is_told_apart_by_both(alone):
    """A machine of another cluster that is sent here by a wrong address."""
    foreign = alone.directory / "foreign"
    run(BIN / "zrms", "init", "--dir", foreign, "--listen", f"{ADDRESS}:7331")
    zhost = alone.stranger("n1")
    issue(foreign, "n1", alone.directory / "n1")
    zhost.start()
    says(zhost, "this is another cluster")
    says(alone.zrms, "another cluster")
    # It believes this cluster, but has a certificate of the other one.
    (alone.directory / "n1" / "credentials" / "authorities.pem").write_bytes(alone.ca.read_bytes())
    says(zhost, "it refuses our certificate, which is of another cluster")
    alone.issue("n1", alone.directory / "n1")
    alone.wait_zhost("n1", "deployed-started")


def test_a_certificate_that_ends_closes_the_link_until_there_is_another(alone):
    """zrms cannot sign for a while; then it renews what has expired, on the strength of the old key."""
    authority = alone.directory / "zrms" / "credentials" / "authority.pem"
    zhost = alone.stranger("n1")
    alone.issue("n1", alone.directory / "n1", seconds=6)
    authority.rename(authority.with_suffix(".away"))
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    says(alone.zrms, "renewal.refused")
    says(alone.zrms, "its certificate has run out")
    says(zhost, "certificate.expired")
    alone.wait_zhost("n1", "problem")
    authority.with_suffix(".away").rename(authority)
    says(zhost, "certificate.renewed")
    alone.wait_zhost("n1", "deployed-started")
    assert zhost.is_running() and zhost.log.read_text().count("started name=") == 1


def test_a_clock_that_is_wrong_is_said(alone):
    """The certificate is of a clock that is three hours ahead."""
    zhost = alone.stranger("n1")
    alone.issue("n1", alone.directory / "n1", shift=3 * 3600)
    zhost.start()
    says(zhost, "it refuses our certificate: it is not valid there")
    says(alone.zrms, "your clock differs by at least 3 h; set the one that is wrong")


def test_zrms_renews_its_own_certificate(alone):
    credentials = alone.directory / "zrms" / "credentials"
    before = (credentials / "identity.pem").read_bytes()
    # Of 5 minutes and 5 seconds, of which 5 minutes are over: later than a third.
    run(ISSUE, alone.directory / "zrms", "zrms", "zrms", 5, alone.directory / "short")
    (alone.directory / "short" / "credentials" / "identity.pem").rename(credentials / "identity.pem")
    says(alone.zrms, "certificate.renewed")
    assert (credentials / "identity.pem").read_bytes() != before
    until(lambda: alone.ask("/healthz")[0] == 200, "it answers with the new one")
    metrics = alone.ask("/metrics", alone.admin)[1]
    left = int(re.search(r"^zrms_tls_certificate_expires_seconds (\d+)$", metrics, re.M).group(1))
    assert left > 80 * 86400
    text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], text=True, check=True,
                          input=ssl.get_server_certificate((ADDRESS, alone.port)), capture_output=True).stdout
    assert f"IP Address:{ADDRESS}" in text


def test_hangup_reads_the_files_again_and_a_broken_one_does_no_harm(alone):
    file = alone.directory / "zrms" / "credentials" / "authorities.pem"
    whole = file.read_bytes()
    file.write_text("nothing")
    alone.zrms.process.send_signal(signal.SIGHUP)
    says(alone.zrms, "the old ones stay in use")
    file.write_bytes(whole)
    assert alone.ask("/healthz")[0] == 200
    alone.zrms.process.send_signal(signal.SIGHUP)
    says(alone.zrms, "credentials.read")
    assert alone.zrms.is_running()


def test_an_old_protocol_is_refused(alone):
    context = ssl.create_default_context(cafile=str(alone.ca))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((ADDRESS, alone.port), timeout=20) as connection, pytest.raises(ssl.SSLError):
        context.wrap_socket(connection, server_hostname=ADDRESS)


def test_pages_of_other_sites_are_refused(alone):
    headers = f"GET /healthz HTTP/1.1\r\nHost: {ADDRESS}:{alone.port}\r\nConnection: close\r\n"
    for origin, status in ((f"https://{ADDRESS}:{alone.port}", "200"), (f"http://{ADDRESS}:{alone.port}", "403"),
                           ("https://evil.example", "403")):
        context = ssl.create_default_context(cafile=str(alone.ca))
        connection = socket.create_connection((ADDRESS, alone.port), timeout=20)
        with context.wrap_socket(connection, server_hostname=ADDRESS) as secure:
            secure.sendall(f"{headers}Origin: {origin}\r\n\r\n".encode())
            assert secure.recv(100).split()[1].decode() == status


def test_all_addresses_and_loopback_share_a_port_that_nobody_else_shares(start_cluster):
    class Everywhere(SecureCluster):
        listens_on = "0.0.0.0"

    c = start_cluster(kind=Everywhere, zhosts=())
    assert c.get("/v1/topologies")["topologies"] == []  # plain, on loopback
    assert c.ask("/v1/topologies", c.admin)[0] == 200
    for address in ("0.0.0.0", "127.0.0.1", ADDRESS):
        with socket.socket() as thief:
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            with pytest.raises(OSError):
                thief.bind((address, c.port))
                thief.listen()


def test_the_first_administrator_is_a_user_like_others(alone):
    users = json.loads(alone.ask("/v1/users", alone.admin)[1])["users"]
    assert [(u["name"], u["role"]) for u in users] == [("admin", "admin")]
    assert not (alone.directory / "zrms" / "credentials" / "first-admin").exists()
    alone.zrms.kill()
    alone.start_zrms()
    assert alone.ask("/v1/users", alone.admin)[0] == 200
    alone.zshell("user", "rm", "admin")
    assert alone.ask("/v1/users", alone.admin)[0] == 401


def test_several_addresses_are_tried_in_turn(alone):
    silent = socket.socket()
    silent.bind((ADDRESS, 0))
    silent.listen(1)  # takes connections, and says nothing
    zhost = alone.stranger("n1", f"https://{ADDRESS}:{free_port()},{ADDRESS}:{alone.port}")
    alone.issue("n1", alone.directory / "n1")
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
    silent.close()


def test_addresses_of_the_joining_are_used_where_none_is_given(alone):
    zhost = alone.stranger("n1")
    alone.issue("n1", alone.directory / "n1")
    at = zhost.command.index("--zrms")
    del zhost.command[at:at + 2]
    file = alone.directory / "n1" / "credentials" / "addresses"
    file.write_text(f"{ADDRESS}:{alone.port}\n")
    file.chmod(0o600)
    zhost.start()
    alone.wait_zhost("n1", "deployed-started")
