"""openapi.json is enough for a client: one is generated from it, and drives a cluster."""
import json
import shutil
import subprocess

import pytest

from conftest import BIN, ROOT, run, token_of


class Client:
    def __init__(self, address, token):
        self.process = subprocess.Popen(["node", str(ROOT / "tests/e2e/api_client.mjs"), address, token],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.operations = self.read()

    def read(self):
        line = self.process.stdout.readline()
        assert line, f"the client ended with status {self.process.wait(30)}; why is above"
        return json.loads(line)

    def call(self, operation, body=None, **parameters):
        self.process.stdin.write(json.dumps([operation, parameters, body]) + "\n")
        self.process.stdin.flush()
        answer = self.read()
        return answer["status"], answer["data"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(timeout=30)


@pytest.fixture
def client(cluster):
    started = Client(cluster.url, token_of(cluster.url))
    yield started
    started.close()


def test_a_generated_client_runs_a_topology(cluster, client, example_package):
    package = cluster.directory / "my-app.mex"
    shutil.copy(example_package, package)
    status, seen = client.call("submitTopology", {"file": str(package)})
    assert (status, seen["error"]["code"]) == (403, "denied")  # not signed
    run(BIN / "mex", "sign", package, "--key", cluster.key)
    status, seen = client.call("submitTopology", {"file": str(package)}, dry_run=True)
    assert (status, seen["name"]) == (200, "my-app")
    status, seen = client.call("submitTopology", {"file": str(package)})
    assert status == 201
    cluster.wait_state("my-app", "running")
    assert client.call("getTopology", id="my-app")[1]["state"] == "running"
    status, page = client.call("listSpaces", limit=2)
    assert status == 200 and len(page["spaces"]) == 2
    rest = client.call("listSpaces", after=page["next"])[1]
    assert len(rest["spaces"]) == 1 and "next" not in rest
    names = sorted(s["name"] for s in page["spaces"] + rest["spaces"])
    assert names == ["my-app/api", "my-app/dashboard", "my-app/store"]
    for name in ("my-app", page["spaces"][0]["topology_id"][:6]):
        found = client.call("listTopologies", named=name, limit=2)[1]["topologies"]
        assert [t["name"] for t in found] == ["my-app"]
    assert client.call("listTopologies", named="my")[1]["topologies"] == []
    assert [s["name"] for s in client.call("listSpaces", path="api")[1]["spaces"]] == ["my-app/api"]
    assert len(client.call("listSpaces", prefix="my-app/")[1]["spaces"]) == 3
    # Parameters go where the document says: a path with '/', a body, a number, a flag.
    status, seen = client.call("setGoal", {"goal": "deployed-stopped"}, id="my-app", path="api")
    assert (status, seen["goal"]) == (200, "deployed-stopped")
    status, events = client.call("getEvents", stream=False, limit=3, after=1)
    assert status == 200 and [e["seq"] for e in events["events"]] == [2, 3, 4]
    assert client.call("stopTopology", id="my-app")[0] == 200


def test_a_refusal_is_one_that_the_document_names(cluster, client):
    document = cluster.get("/openapi.json")
    status, seen = client.call("getTopology", id="none")
    assert (status, seen["error"]["code"]) == (404, "not-found")
    responses = document["paths"]["/v1/topologies/{id}"]["get"]["responses"]
    assert responses["404"]["content"]["application/json"]["schema"]["$ref"].endswith("/ErrorView")
    assert "200" in responses and "2XX" not in responses
    described = sorted(o["operationId"] for p in document["paths"].values() for o in p.values())
    assert sorted(client.operations) == described
    assert len(set(described)) == len(described)


def test_the_document_says_with_what_each_operation_is_asked(cluster):
    document = cluster.get("/openapi.json")
    schemes = document["components"]["securitySchemes"]
    assert schemes["token"] == {"type": "http", "scheme": "bearer"}
    assert (schemes["session"]["in"], schemes["word"]["in"], schemes["word"]["name"]) == ("cookie", "header", "Samoza-Session")
    needs = {o["operationId"]: o["security"] for p in document["paths"].values() for o in p.values()}
    token, session, word = {"token": []}, {"session": []}, {"session": [], "word": []}
    expected = {"getHealth": [], "signIn": [], "getTopology": [token, session], "getBackup": [token, word], "execSpace": [token, word],
                "submitTopology": [token, word], "makeSignInCode": [token], "getArtifact": [token], "signOut": [token, word]}
    assert {name: needs[name] for name in expected} == expected
    assert not {scheme for one in needs.values() for way in one for scheme in way} - set(schemes)
