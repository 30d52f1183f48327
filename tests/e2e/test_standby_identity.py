"""The certificate of a zrms that stands by: it is renewed, and follows a rotation [machines.identity.renewal]."""
import http.client
import json
import shutil
import ssl
import subprocess

import pytest
from conftest import until
from etcd import ThreeZrms
from secure import ADDRESS, issue, needs_an_address

pytestmark = needs_an_address

DAY = 24 * 3600


@pytest.fixture
def three(start_cluster):
    return start_cluster(kind=ThreeZrms)


def directory_of(c, port):
    return c.directory / dict(zip((c.first_port, *c.other_ports), ("zrms", "zrms-2", "zrms-3")))[port]


def shown(port):
    """The certificate that is shown on ADDRESS."""
    return until(lambda: certificate_at(port), "it shows one")


def certificate_at(port):
    """None: it is not there yet, or was closed in the middle."""
    try:
        return ssl.get_server_certificate((ADDRESS, port), timeout=20)
    except OSError:
        return None


def is_good_for(certificate, seconds):
    return subprocess.run(["openssl", "x509", "-noout", "-checkend", str(seconds)], input=certificate, text=True,
                          capture_output=True).returncode == 0


def issuer(certificate):
    return subprocess.run(["openssl", "x509", "-noout", "-issuer"], input=certificate, text=True, check=True,
                          capture_output=True).stdout.strip()


def subject(certificate):
    return subprocess.run(["openssl", "x509", "-noout", "-subject"], input=certificate, text=True, check=True,
                          capture_output=True).stdout.strip()


def names(certificate):
    return subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=certificate, text=True,
                          check=True, capture_output=True).stdout


def give(c, port, seconds, shift=0):
    """It starts with a certificate that ends so soon, and with no key of the authority."""
    daemon, directory = c.all_zrms()[port], directory_of(c, port)
    daemon.kill()
    issue(c.directory / "zrms", "zrms", directory, seconds, role="zrms", shift=shift)
    before = (directory / "credentials" / "identity.pem").read_text()
    daemon.start()
    return before


def test_a_standby_renews_its_certificate_before_it_ends(three):
    c = three
    c.leader()
    standby = c.standby()
    (directory_of(c, standby) / "credentials" / "authority.pem").unlink()
    before = give(c, standby, 30)
    until(lambda: c.role(standby) == "standby", "it stands by")
    until(lambda: is_good_for(shown(standby), 80 * DAY), "it shows another one")
    until(lambda: c.role(standby) == "standby", "it has not led")
    identity = directory_of(c, standby) / "credentials" / "identity.pem"
    assert identity.read_text() != before and is_good_for(identity.read_text(), 80 * DAY)
    assert f"IP Address:{ADDRESS}" in names(shown(standby)), "it is for what its cluster.json says"
    # It is known by it: artifacts go to it, and it still hears who leads.
    c.zshell("user", "create", "one", "--role", "viewer")
    until(c.is_up_to_date, "it lacks nothing")


def test_one_that_was_off_for_longer_than_its_certificate_lasts_stands_by_again(three):
    c = three
    c.leader()
    standby = c.standby()
    give(c, standby, 600, shift=-3600)
    until(lambda: c.role(standby) == "standby" and is_good_for(shown(standby), 80 * DAY), "it stands by")


def test_standbys_follow_a_rotation_of_the_authority(three):
    c = three
    leader = c.leader()
    assert issuer(shown(leader)).endswith("Samoza CA 1")
    c.zshell("cluster", "ca", "rotate")
    # etcd reads its authorities when it starts, and the rotation waits for that.
    until(lambda: c.get("/v1/authorities").get("store_missing"), "it waits for etcd")
    c.etcd.kill(0)
    c.etcd.start(0)
    until(c.etcd.is_healthy, "etcd answers")
    until(lambda: issuer(shown(leader)).endswith("Samoza CA 2"), "the leader shows a certificate of the next one")
    until(lambda: all(issuer(shown(port)).endswith("Samoza CA 2") for port in c.all_zrms()), "and the others do")
    shutil.copy(directory_of(c, leader) / "credentials" / "identity.pem", c.directory / "etcd.pem")
    until(lambda: {a["state"] for a in c.get("/v1/authorities")["authorities"]} == {"signs", "former"},
          "the rotation ends")
    believed = (directory_of(c, leader) / "credentials" / "authorities.pem").read_text()
    until(lambda: all((directory_of(c, port) / "credentials" / "authorities.pem").read_text() == believed
                      for port in c.all_zrms()), "all believe the same")
    # Each of them can sign, and the old key is nowhere.
    until(lambda: all(subject((directory_of(c, port) / "credentials" / "authority.pem").read_text())
                      .endswith("Samoza CA 2") for port in c.all_zrms()), "all have the key of the next one")
    assert not [port for port in c.all_zrms()
                if (directory_of(c, port) / "credentials" / "authority-next.pem").exists()]
    # One that believes the next authority alone.
    c.etcd.kill(0)
    c.etcd.start(0)
    until(c.etcd.is_healthy, "etcd answers")
    c.all_zrms()[leader].kill()
    c.leader(leader)
    c.issue("edge-node-9", c.directory / "edge-node-9")


def test_a_certificate_is_for_zrms_of_the_cluster_alone(three):
    c = three
    leader, standby = c.leader(), c.standby()

    def asked(port, credentials=None, token=None):
        context = ssl.create_default_context(cafile=c.ca)
        context.check_hostname = False
        if credentials is not None:
            context.load_cert_chain(credentials)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        connection = http.client.HTTPSConnection(ADDRESS, port, timeout=20, context=context)
        try:
            connection.request("POST", "/v1/cluster/zrms/identity", "{}", headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    identity = c.directory / "zrms" / "credentials" / "identity.pem"
    status, body = asked(leader, identity)
    assert status == 200 and "certificate" not in json.loads(body), body
    assert len(json.loads(body)["keys"]) == 1
    issue(c.directory / "zrms", "zrms", c.directory / "expired", 600, role="zrms", shift=-3600)
    status, body = asked(leader, c.directory / "expired" / "credentials" / "identity.pem")
    assert status == 200 and not json.loads(body).get("keys"), "to one that has ended none is told"
    until(lambda: asked(standby, identity)[0] == 307, "it has heard who leads")
    assert asked(leader)[0] == 401
    admin = (directory_of(c, leader) / "credentials" / "local-admin").read_text().strip()
    assert asked(leader, token=admin)[0] == 403
    c.issue("edge-node-9", c.directory / "stranger")
    assert asked(leader, c.directory / "stranger" / "credentials" / "identity.pem")[0] == 403
    shutil.rmtree(c.directory / "stranger")
