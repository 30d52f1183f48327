"""A cluster whose zhosts reach zrms by TLS on an address that other machines reach, too."""
import json
import os
import pathlib
import re
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from conftest import BIN, Cluster, Daemon, free_port, run

ISSUE = pathlib.Path(os.environ.get("SAMOZA_ISSUE", BIN.parent / "tests" / "e2e" / "issue-identity"))


def own_address():
    """An address of this machine that is not loopback, or None. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = s.getsockname()[0]
    return None if address.startswith("127.") else address


ADDRESS = own_address()
needs_an_address = pytest.mark.skipif(
    ADDRESS is None or not ISSUE.exists(),
    reason="this machine has no address but loopback, or the build has no tests (-Dtests=true)")


def issue(zrms_directory, name, to, seconds=600, role="zhost", shift=0):
    run(ISSUE, zrms_directory, role, name, seconds, to, shift)


class SecureCluster(Cluster):
    listens_on = ADDRESS

    def __init__(self, directory, **options):
        super().__init__(directory, prepare=self.init, **options)

    def init(self, directory):
        done = run(BIN / "zrms", "init", "--dir", directory / "zrms", "--listen", f"{ADDRESS}:7331", "--name", "lab")
        self.admin = re.search(r"^smzu_\S+$", done.stdout, re.M).group()
        self.fingerprint = re.search(r"fingerprint of its certificate authority: (\S+)", done.stdout).group(1)
        self.ca = directory / "zrms" / "credentials" / "authorities.pem"

    @property
    def secure_url(self):
        return f"https://{ADDRESS}:{self.port}"

    def url_for_zhosts(self):
        return self.secure_url

    def give_token(self, name, directory=None):
        """An identity, as joining gives it."""
        self.issue(name, directory or self.directory / name)

    def issue(self, name, to, seconds=600, shift=0):
        """An identity with a life of its own, whose key zrms knows, as of one that has joined."""
        issue(self.directory / "zrms", name, to, seconds, shift=shift)
        identity = pathlib.Path(to) / "credentials" / "identity.pem"
        request = subprocess.run(["openssl", "req", "-new", "-key", identity, "-subj", "/CN=any"], text=True,
                                 check=True, capture_output=True).stdout
        status, body = self.join(self.token(), name, request, replace=True)
        assert status == 200, body

    def token(self, **options):
        status, body = self.request("POST", "/v1/tokens", options, {"Content-Type": "application/json"})
        assert status == 201, body
        return body["token"]

    def join(self, token, name, request, replace=False):
        """What a machine asks that joins. On loopback: what is shown here is the same there."""
        _, number, secret, *_ = token.split(".")
        return self.request("POST", "/v1/join", {"token": number, "secret": secret, "name": name,
                                                 "request": request, "replace": replace},
                            {"Content-Type": "application/json"})

    def ask(self, path, token=None, identity=None, ca=None):
        """Status and body of a GET over TLS; `identity`: a directory of credentials."""
        context = ssl.create_default_context(cafile=str(ca or self.ca))
        if identity is not None:
            context.load_cert_chain(str(identity / "identity.pem"))
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.secure_url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def stranger(self, name, zrms=None):
        """A zhost that nobody has let in yet: its directory is the caller's to fill; not started."""
        config = self.directory / f"{name}.yaml"
        config.write_text(json.dumps({"zhosts": [{"name": name, "cpu": 1, "memory": "1GiB"}]}))
        self.zhosts[name] = Daemon(self, name, [
            BIN / "zhost", "--dir", self.directory / name, "--name", name, "--zrms", zrms or self.secure_url,
            "--zedge", f"127.0.0.1:{free_port()}", "--config", config], self.directory / f"{name}.log")
        return self.zhosts[name]
