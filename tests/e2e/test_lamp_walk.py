"""The LAMP walk-through [lifecycle.lamp], with tiny real processes on three zhosts."""
import urllib.request

import pytest
from conftest import until
from control_groups import groups_swept
from native import native_app, spaces_directories

# Each is a small server that asks its provider for its word and adds its own.
SERVER = """
    #!/usr/bin/python3
    import http.server, os, urllib.request
    name = os.environ["SAMOZA_SPACE"]
    provider = {"apache": "tomcat", "tomcat": "mysql"}.get(name)
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text = "rows"
            if provider:
                get = lambda v: os.environ[f"SAMOZA_IMPORT_{provider}_0_{v}"]
                url = f"http://{get('ip')}:{get('port')}/"
                text = urllib.request.urlopen(url, timeout=5).read().decode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{name}({text})".encode())
        def log_message(self, *words): pass
    http.server.HTTPServer((os.environ["SAMOZA_EXPORT_ip"],
                            int(os.environ["SAMOZA_EXPORT_port"])), Handler).serve_forever()
"""


def space(name, *imports):
    return {"name": name, "exports": {"ip": "", "port": ""}, "run": {"mode": "foreground"},
            "ready": {"tcp": "port"}, "resources": {"cpu": "500m", "memory": "64MiB"},
            "imports": [{"from": i, "variables": ["ip", "port"]} for i in imports]}


@pytest.fixture(autouse=True)
def sweep_groups():
    with groups_swept():
        yield


def test_the_lamp_walk_through_holds(cluster):
    c = cluster
    package = c.build(native_app(c, "lamp", [
        space("apache", "tomcat"), space("tomcat", "mysql"), space("mysql")],
        {f"{name}/recipes/start": SERVER for name in ("apache", "tomcat", "mysql")}), "lamp")

    def states():
        return {s["path"]: s["state"] for s in c.get("/v1/topologies/lamp/spaces")["spaces"]}

    def wait(**wanted):
        wanted = {k: v.replace("_", "-") for k, v in wanted.items()}
        until(lambda: {k: states()[k] for k in wanted} == wanted, f"{wanted}")

    def events_of(*paths, after):
        return [(e["subject"].split("/")[1], e["to"]) for e in c.events("lamp", after=after)
                if e["kind"] == "space" and e["subject"].split("/")[1] in paths]

    def last():
        return max(e["seq"] for e in c.events("lamp"))

    def page():
        exports = {e["name"]: e["value"] for e in c.space("lamp", "apache")["exports"]}
        url = f"http://{exports['ip']}:{exports['port']}/"
        return urllib.request.urlopen(url, timeout=10).read().decode()

    # 1. Submit without start: all not deployed.
    c.zshell("topo", "submit", package, "--no-start")
    assert set(states().values()) == {"not-deployed"}
    # 2. Deploy tomcat: deploying, then deployed - stopped.
    before = last()
    c.zshell("spaces", "deploy", "lamp/tomcat")
    wait(tomcat="deployed_stopped")
    assert events_of("tomcat", after=before) == [("tomcat", "deploying"),
                                                 ("tomcat", "deployed-stopped")]
    # 3. Start tomcat: unresolved.
    before = last()
    c.zshell("spaces", "start", "lamp/tomcat")
    wait(tomcat="unresolved")
    assert events_of("tomcat", after=before) == [("tomcat", "unresolved")]
    # 4. Deploy and start mysql: tomcat goes starting, started by itself.
    before = last()
    c.zshell("spaces", "start", "lamp/mysql")
    wait(mysql="deployed_started", tomcat="deployed_started")
    assert events_of("tomcat", after=before) == [("tomcat", "starting"),
                                                 ("tomcat", "deployed-started")]
    # 5. Start apache: it starts. Stop mysql: both unresolved. Start mysql: both start again.
    c.zshell("spaces", "start", "lamp/apache")
    wait(apache="deployed_started")
    assert page() == "apache(tomcat(mysql(rows)))"
    assert len({c.zhost_of("lamp", p) for p in ("apache", "tomcat", "mysql")}) == 3
    before = last()
    c.zshell("spaces", "stop", "lamp/mysql")
    wait(mysql="deployed_stopped", tomcat="unresolved", apache="unresolved")
    assert [zrun for z in c.zhosts for zrun in c.zruns(z)] == []
    before = last()
    c.zshell("spaces", "start", "lamp/mysql")
    wait(mysql="deployed_started", tomcat="deployed_started", apache="deployed_started")
    started = [who for who, to in events_of("mysql", "tomcat", "apache", after=before)
               if to == "deployed-started"]
    assert started == ["mysql", "tomcat", "apache"]
    assert page() == "apache(tomcat(mysql(rows)))"
    # 6. Stop tomcat: stopping, deployed - stopped; apache is unresolved.
    before = last()
    c.zshell("spaces", "stop", "lamp/tomcat")
    wait(tomcat="deployed_stopped", apache="unresolved", mysql="deployed_started")
    assert events_of("tomcat", after=before) == [("tomcat", "stopping"),
                                                 ("tomcat", "deployed-stopped")]
    # 7. Undeploy tomcat: undeploying, not deployed.
    before = last()
    c.zshell("spaces", "undeploy", "lamp/tomcat")
    wait(tomcat="not_deployed")
    assert events_of("tomcat", after=before) == [("tomcat", "undeploying"),
                                                 ("tomcat", "not-deployed")]
    assert states()["apache"] == "unresolved"
    c.zshell("topo", "stop", "lamp")
    until(lambda: [directory for z in c.zhosts for directory in spaces_directories(c, z)] == [], "nothing of it is left")
