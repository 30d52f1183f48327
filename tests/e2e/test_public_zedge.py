"""zedge on the network: pages for everybody, within limits; everything else for its own machine."""
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from conftest import BIN, free_port, run, until
from secure import ADDRESS

OTHER = "203.0.113.7"
needs_an_address = pytest.mark.skipif(ADDRESS is None, reason="this machine has no address but loopback")


def certificate(directory, name, address):
    """As the tool of an authority leaves it: a link to the newest."""
    key, cert = directory / f"{name}.key", directory / f"{name}.pem"
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
        "-keyout", key, "-out", cert, "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{address},DNS:{name}")
    os.chmod(key, 0o640)
    return cert, key


class Public:
    """A zedge, and one who asks it for things."""

    def __init__(self, cluster, words, address, cert=None):
        self.cluster = cluster
        self.port = free_port()
        self.address, self.cert = address, cert
        self.daemon = cluster.add_zhost("edge-node-1", [
            "--zedge", f"{address}:{self.port}", *words])
        cluster.wait_zhost("edge-node-1", "deployed-started")

    def connect(self):
        if self.cert is None:
            return http.client.HTTPConnection(self.address, self.port, timeout=20)
        return http.client.HTTPSConnection(self.address, self.port, timeout=20,
                                           context=ssl.create_default_context(cafile=self.cert))

    def ask(self, path, headers=None, method="GET", body=None, connection=None):
        connection = connection or self.connect()
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text.decode()


def deploy_page(c):
    directory = c.app("shop", [{"name": "web", "type": "UI"}])
    (directory / "spaces" / "web" / "index.html").write_text("hello")
    (directory / "spaces" / "web" / "large.txt").write_text("x" * 300_000)
    c.submit(c.build(directory, "shop"))


@pytest.fixture
def behind_a_proxy(start_cluster):
    c = start_cluster(zhosts=[])
    public = Public(c, ["--zedge-trusted-proxy", "127.0.0.1", "--zedge-requests", "2",
                        "--zedge-bytes", "100KiB", "--zedge-url", "https://shop.example"], "127.0.0.1")
    deploy_page(c)
    return public


def of(client, **more):
    return dict({"X-Forwarded-For": client, "X-Forwarded-Proto": "https", "Host": "shop.example"}, **more)


def two_lines(public, path, first, second):
    connection = public.connect()
    connection.putrequest("GET", path, skip_host=True)
    for name, value in (("Host", "127.0.0.1"), ("X-Forwarded-For", first), ("X-Forwarded-For", second)):
        connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse().status


def test_through_a_trusted_proxy_pages_are_everybodys_and_the_rest_is_not(behind_a_proxy):
    p = behind_a_proxy
    status, headers, text = p.ask("/shop/web/", of(OTHER))
    assert (status, text) == (200, "hello")
    assert "connect-src https://shop.example/shop/web/;" in headers["content-security-policy"]
    assert headers["set-cookie"].endswith("; Secure")
    assert headers["strict-transport-security"] == "max-age=31536000"
    assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    for path in ("/", "/metrics"):
        assert p.ask(path, of(OTHER))[0] == 404
        # What a browser claims for itself, before what the proxy has added, is not believed.
        assert p.ask(path, of(f"127.0.0.1, {OTHER}"))[0] == 404
    assert json.loads(p.ask("/healthz", of("203.0.113.8"))[2]) == {"status": "ok"}
    # The machine's own programs, which know it by loopback.
    assert "zedge_requests_total" in p.ask("/metrics", {"X-Forwarded-For": "127.0.0.1"})[2]
    assert p.ask("/metrics", of("127.0.0.1"))[0] == 404
    # A line of the browser's own, before that of the proxy.
    assert two_lines(p, "/metrics", "127.0.0.1", OTHER) == 404
    # A page of somebody whose name leads to this machine.
    status, _, text = p.ask("/metrics", {"Host": "evil.example:8088", "X-Forwarded-For": "127.0.0.1"})
    assert status == 403 and "Host" in text
    # A proxy that says for nobody speaks for nobody.
    status, _, text = p.ask("/shop/web/", {"Host": "shop.example"})
    assert status == 400 and "X-Forwarded-For" in text
    # Pages of other sites stay out.
    assert p.ask("/shop/web/", of("203.0.113.9", Origin="https://evil.example"))[0] == 403
    assert p.ask("/shop/web/", of("203.0.113.9", Origin="https://shop.example"))[0] == 200
    assert p.cluster.get("/v1/zhosts/edge-node-1")["zedge"] == "https://shop.example"


def test_one_client_cannot_take_more_than_its_share(behind_a_proxy):
    p = behind_a_proxy
    connection = p.connect()

    def flood(client):
        answers = [p.ask("/healthz", of(client), connection=connection) for _ in range(60)]
        return [a for a in answers if a[0] == 200], [a for a in answers if a[0] == 429]

    served, slowed = flood(OTHER)
    assert len(served) >= 8 and slowed, "four seconds' worth at once, and then no more"
    assert all(int(a[1]["retry-after"]) >= 1 and "again in" in a[2] for a in slowed)
    assert p.ask("/healthz", of("203.0.113.8"), connection=connection)[0] == 200, "others are not concerned"
    until(lambda: p.ask("/healthz", of(OTHER))[0] == 200, "it may again")
    # What is refused counts as well: no such path, no such method, another host, another origin.
    for client, path, method, headers in (("203.0.113.30", "/nothing", "GET", {}), ("203.0.113.31", "/shop/web/", "PUT", {}),
                                          ("203.0.113.32", "/", "GET", {"Host": "evil.example"}),
                                          ("203.0.113.33", "/shop/web/", "GET", {"Origin": "https://evil.example"})):
        answers = [p.ask(path, {**of(client), **headers}, method=method)[0] for _ in range(60)]
        assert answers.count(429) > 10 and 200 not in answers, (path, answers)
        assert p.ask("/healthz", of(client))[0] == 429
    # Bytes: 400 KiB at once and 100 KiB per second; what is owed is waited for.
    greedy = "203.0.113.20"
    statuses = [p.ask("/shop/web/large.txt", of(greedy), connection=connection)[0] for _ in range(6)]
    assert statuses[:2] == [200, 200] and 429 in statuses
    local = {"X-Forwarded-For": "127.0.0.1"}
    assert "zedge_slowed_total 0" not in p.ask("/metrics", local)[2]
    # The machine's own programs are not limited.
    assert {p.ask("/healthz", local, connection=connection)[0] for _ in range(60)} == {200}


def test_a_claimed_length_locks_nobody_out(behind_a_proxy):
    """Browsers share addresses: who announces a body that never comes must not use up what is all of theirs."""
    p = behind_a_proxy
    for path, method in (("/shop/web/_samoza/emit?path=x", "POST"), ("/shop/web/", "GET"), ("/nothing", "POST")):
        connection = p.connect()
        connection.putrequest(method, path, skip_host=True)
        for name, value in of("203.0.113.40", **{"Content-Length": str(10 ** 12)}).items():
            connection.putheader(name, value)
        connection.endheaders()
        try:
            assert connection.getresponse().status in (400, 404, 409, 413)
        except (OSError, http.client.HTTPException):
            pass  # it is closed at once
        connection.close()
    assert p.ask("/shop/web/", of("203.0.113.40"))[0] == 200
    # Nor does it come for free: what it may have read is charged.
    statuses = [p.ask("/shop/web/large.txt", of("203.0.113.40"))[0] for _ in range(3)]
    assert statuses == [200, 429, 429]


def test_one_client_cannot_keep_all_pages_for_itself(start_cluster):
    c = start_cluster(zhosts=[])
    p = Public(c, ["--zedge-trusted-proxy", "127.0.0.1", "--zedge-requests", "0",
                   "--zedge-url", "https://shop.example"], "127.0.0.1")
    deploy_page(c)
    open_pages = []

    def open_page(client):
        connection = p.connect()
        connection.request("GET", "/shop/web/_samoza/messages", headers=of(client))
        open_pages.append(connection)
        return connection.getresponse().status

    assert {open_page(OTHER) for _ in range(200)} == {200}
    assert open_page(OTHER) == 503
    assert open_page("203.0.113.8") == 200
    for connection in open_pages:
        connection.close()


@needs_an_address
def test_other_machines_reach_it_with_tls_only_and_the_certificate_is_renewed(start_cluster, tmp_path):
    first = certificate(tmp_path, "first", ADDRESS)
    second = certificate(tmp_path, "second", ADDRESS)
    cert, key = tmp_path / "live.pem", tmp_path / "live.key"
    cert.symlink_to(first[0])
    key.symlink_to(first[1])
    c = start_cluster(zhosts=[])
    p = Public(c, ["--zedge-cert", cert, "--zedge-key", key, "--zedge-connections", "3"], ADDRESS, first[0])
    deploy_page(c)
    assert c.get("/v1/zhosts/edge-node-1")["zedge"] == f"https://{ADDRESS}:{p.port}"
    status, headers, text = p.ask("/shop/web/")
    assert (status, text) == (200, "hello")
    assert f"connect-src https://{ADDRESS}:{p.port}/shop/web/;" in headers["content-security-policy"]
    assert p.ask("/")[0] == p.ask("/metrics")[0] == 404
    assert "connected" in c.zshell("status").stdout.split("zedge")[1]
    # Neither plain HTTP nor an older TLS.
    plain = http.client.HTTPConnection(ADDRESS, p.port, timeout=20)
    plain.request("GET", "/shop/web/")
    assert plain.getresponse().status == 400
    old = ssl.create_default_context(cafile=first[0])
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError), socket.create_connection((ADDRESS, p.port), timeout=20) as s:
        old.wrap_socket(s, server_hostname=ADDRESS)
    # No more than three connections from one address.
    # That those of before are closed it may hear a moment later.
    kept = [until(lambda: taken(p), "there is room") for _ in range(3)]
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, ssl.SSLError)):
        p.ask("/healthz")
    for connection in kept:
        connection.close()
    until(lambda: works(p), "there is room again")
    # While the two files do not belong together the old ones stay in use.
    shutil.copy(second[1], tmp_path / "next.key")
    os.replace(tmp_path / "next.key", key)
    until(lambda: "certificate.unread" in log_of(c), "zhost has seen the key")
    assert p.ask("/healthz")[0] == 200
    (tmp_path / "next.pem").symlink_to(second[0])
    os.replace(tmp_path / "next.pem", cert)
    p.cert = second[0]
    until(lambda: works(p), "the second certificate is shown")


def taken(public):
    """A connection that zedge keeps; None: there is no room for one."""
    connection = public.connect()
    try:
        return connection if public.ask("/healthz", connection=connection)[0] == 200 else None
    except (OSError, http.client.HTTPException):
        connection.close()
        return None


def works(public):
    try:
        return public.ask("/healthz")[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def log_of(c):
    return (c.directory / "edge-node-1.log").read_text()


def refusal(tmp_path, *words):
    done = subprocess.run([BIN / "zhost", "--dir", tmp_path / "z", "--name", "z", "--zrms", "http://127.0.0.1:1", *words],
                          text=True, capture_output=True, timeout=60)
    assert done.returncode in (1, 2), done
    return done.stderr + done.stdout


def test_what_cannot_be_a_public_zedge_is_refused_with_what_to_do(tmp_path):
    cert, key = certificate(tmp_path, "a", "127.0.0.1")
    other = certificate(tmp_path, "b", "127.0.0.1")[1]
    at = f"127.0.0.1:{free_port()}"
    assert "--zedge-cert and --zedge-key, or listen on 127.0.0.1" in refusal(tmp_path, "--zedge", "0.0.0.0:8443")
    assert "--zedge-cert and --zedge-key go together" in refusal(tmp_path, "--zedge-cert", cert)
    assert "is not the key of" in refusal(tmp_path, "--zedge", at, "--zedge-cert", cert, "--zedge-key", other)
    assert f"cannot read {tmp_path}/none" in refusal(
        tmp_path, "--zedge", at, "--zedge-cert", tmp_path / "none", "--zedge-key", key)
    assert "no certificate with its chain" in refusal(
        tmp_path, "--zedge", at, "--zedge-cert", key, "--zedge-key", key)
    assert "'office' is no address and no network" in refusal(
        tmp_path, "--zedge", at, "--zedge-trusted-proxy", "10.0.0.1,office", "--zedge-url", "https://shop.example")
    assert "goes with --zedge-url" in refusal(tmp_path, "--zedge", at, "--zedge-trusted-proxy", "10.0.0.1")
    assert "invalid --zedge-url 'shop.example'" in refusal(tmp_path, "--zedge-url", "shop.example")
    os.chmod(key, 0o644)
    assert "everybody on this machine can read the key" in refusal(
        tmp_path, "--zedge", at, "--zedge-cert", cert, "--zedge-key", key)
