"""No table of zshell is wider than the terminal. The list of its commands says which have one: a command that is added is
in one of the two lists here, or fails."""
import re

import pytest

from fake_zrms import ID
from test_zshell import commands_of
from views import view

HERE = {"path": "api", "topology": "my-app", "name": "my-app/api"}
PLAN = {"action": "update", "kind": "placement"}
OF_CLUSTER = {"action": "drain", "kind": "placement"}
CONTEXT = ("current: a-cluster-with-a-long-name\ncontexts:\n"
           "- {name: a-cluster-with-a-long-name, url: 'http://127.0.0.1:7331', user: somebody-with-a-long-name, token: none}\n")

# The words of a command, and what it asks for.
TABLES = {
    "status": ([], {"/v1/zhosts": view("ZhostListView", {"zedge": "http://127.0.0.1:1"}), "/healthz": {"status": "ok"}}),
    "topo": ([], {"/v1/topologies": view("TopologyListView")}),
    "topo plan": (["package.mex"], {"POST /v1/topologies": view("PlanView", PLAN)}),
    "topo history": ([ID], {f"/v1/topologies/{ID}/revisions": view("RevisionListView")}),
    "topo status": ([ID], {}),
    "topo explain": ([ID], {f"/v1/topologies/{ID}/explain": view("ExplainView")}),
    "spaces": ([], {"/v1/spaces": view("SpaceListView")}),
    "spaces status": ([f"{ID}/api"], {"/v1/spaces": view("SpaceListView", HERE), f"/v1/topologies/{ID}/spaces/api": view("SpaceView", HERE),
                                      "/v1/usage": view("UsageListView")}),
    "spaces top": (["--once"], {"/v1/usage": view("UsageListView")}),
    "mesh spaces": ([], {"/v1/mesh/spaces": view("MeshSpaceListView")}),
    "mesh ping": ([f"{ID}/api"], {"/v1/mesh/ping": view("MeshPingListView")}),
    "mesh peers": ([], {"/v1/mesh/peers": view("MeshPeerListView")}),
    "mesh routes": ([], {"/v1/mesh/routes": view("MeshRouteListView")}),
    "cluster zhosts": ([], {"/v1/zhosts": view("ZhostListView")}),
    "cluster status": (["n1"], {"/v1/zhosts/n1": view("ZhostView"), "/v1/spaces": view("SpaceListView")}),
    "cluster top": (["--once"], {"/v1/usage": view("UsageListView")}),
    "cluster drain": (["n1", "--plan"], {"POST /v1/zhosts/n1/drain": view("PlanView", OF_CLUSTER)}),
    "cluster rebalance": (["--plan"], {"POST /v1/cluster/rebalance": view("PlanView", OF_CLUSTER)}),
    "cluster zrms": ([], {"/v1/cluster/zrms": view("ZrmsListView")}),
    "cluster token": ([], {"/v1/tokens": view("JoinTokenListView")}),
    "cluster ca": ([], {"/v1/authorities": view("AuthorityListView")}),
    "cluster ca status": ([], {"/v1/authorities": view("AuthorityListView")}),
    "cluster upgrade status": ([], {"/v1/cluster": view("ClusterView"), "/v1/zhosts": view("ZhostListView")}),
    "trust": ([], {"/v1/trust": view("SigningKeyListView")}),
    "notices": ([], {"/v1/notices": view("NoticeListView", {"state": "failing"})}),
    "secret": ([], {"/v1/secrets": view("SecretListView")}),
    "user": ([], {"/v1/users": view("UserListView")}),
    "user session": ([], {"/v1/sessions": view("SessionListView")}),
    "context": ([], {}),
}
# Sentences, "key: value", lines of logs and of histories, which end where they end; or nothing that is shown.
OTHERS = {
    "topo submit", "topo apply", "topo logs", "topo stop", "topo start", "topo recover", "topo rollback", "topo scale",
    "topo promote", "topo abort", "topo pause", "topo resume", "topo rm", "topo events", "spaces deploy", "spaces start",
    "spaces stop", "spaces undeploy", "spaces restart", "spaces move", "spaces logs", "spaces exec", "events", "mesh", "cluster",
    "cluster cordon", "cluster uncordon", "cluster leader move", "cluster zrms rm", "cluster audit", "cluster rm",
    "cluster token create", "cluster token rm", "cluster ca rotate", "cluster backup", "cluster record", "zhost create",
    "zhost destroy", "trust add", "trust rm", "secret set", "secret rm", "secret rotate-key", "notices test", "user create", "user rm", "user token rotate", "user code",
    "user session rm", "login", "logout", "context use", "context show", "help", "completion", "exit"}
HEADER = re.compile(r" *[A-Z\u2026][A-Z/\u2026]*( .*)? [A-Z/\u2026]+")


@pytest.fixture
def answers(zrms, environment, tmp_path, monkeypatch):
    """Of zrms, and the files that the commands read."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "package.mex").write_bytes(b"PK")
    (tmp_path / "samoza").mkdir()
    (tmp_path / "samoza" / "config.yaml").write_text(CONTEXT)
    (tmp_path / "samoza" / "config.yaml").chmod(0o600)
    environment["XDG_CONFIG_HOME"] = str(tmp_path)

    def serve(routes):
        zrms.routes["GET /v1/topologies"] = (200, view("TopologyListView"))
        zrms.routes[f"GET /v1/topologies/{ID}"] = (200, view("TopologyView"))
        for line, answer in routes.items():
            zrms.routes[line if " " in line else f"GET {line}"] = (200, answer)
    return serve


def test_every_command_says_whether_it_has_a_table(zshell):
    commands = commands_of(zshell)
    assert not set(TABLES) & OTHERS
    assert sorted(commands) == sorted((set(TABLES) | OTHERS) & set(commands)), "a command is in neither list"


def tables(text):
    """Their lines, and what stands right below them."""
    found = []
    for line in text.splitlines():
        if HEADER.fullmatch(line):
            found.append([])
        if found and found[-1] is not None:
            found[-1].append(line)
        if not line.strip() and found:
            found.append(None)
    return [table for table in found if table]


@pytest.mark.parametrize("command", TABLES)
def test_no_table_is_wider_than_the_terminal(on_terminal, answers, command):
    words, routes = TABLES[command]
    answers(routes)
    wide = on_terminal(*command.split(), *words, columns=1000).rest()[0]
    assert tables(wide) and "\u2026" not in wide, wide
    for columns in (24, 40, 60, 80):  # some have eleven columns
        text = on_terminal(*command.split(), *words, columns=columns).rest()[0]
        assert len(tables(text)) == len(tables(wide)), (columns, text)
        for table, uncut in zip(tables(text), tables(wide)):
            # A word of a sentence may be longer.
            assert not [line for line in table if len(line) > columns and len(line.split()) > 1], (columns, text)
            assert max(map(len, uncut)) <= columns or any("\u2026" in line for line in table), (columns, text)
