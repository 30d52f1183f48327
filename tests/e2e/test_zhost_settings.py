"""Settings of a zhost that changed: capacity, labels and capabilities, by SIGHUP and by a restart."""
import json
import signal

from conftest import start_of, until


def write(c, name, **fields):
    (c.directory / f"{name}.yaml").write_text(json.dumps({"zhosts": [dict({"name": name}, **fields)]}))


def view(c, name):
    """Without what its version offers."""
    z = c.get(f"/v1/zhosts/{name}")
    return (z["cpu_millicores"]["total"], z["memory_bytes"]["total"] >> 30,
            {label["name"]: label["value"] for label in z.get("labels", [])},
            [name for name in z.get("capabilities", []) if name not in ("page.access", "cluster.api", "space.settings", "space.secrets")])


def causes(c, name):
    return [e["cause"] for e in c.events() if e["kind"] == "zhost" and e["subject"] == name and "topology" not in e]


def test_settings_are_taken_at_sighup_and_what_no_longer_fits_stays_and_is_reported(start_cluster):
    c = start_cluster(zhosts=[{"name": "edge-node-1", "cpu": 4, "memory": "4GiB", "labels": {"rack": "a"},
                               "capabilities": ["sensors.camera"]},
                              {"name": "edge-node-2", "cpu": 4, "memory": "4GiB"}])
    c.deploy("eye", [{"name": "api", "type": "CALL", "resources": {"cpu": "2"},
                      "placement": {"constraints": ["rack == a"]}, "capabilities": ["sensors.camera"]}])
    zhost = c.zhosts["edge-node-1"]
    held = [(pid, start_of(pid)) for pid in c.zruns("edge-node-1")]
    space = c.space("eye", "api")
    write(c, "edge-node-1", cpu=1, memory="2GiB", labels={"rack": "b"})
    zhost.process.send_signal(signal.SIGHUP)
    until(lambda: view(c, "edge-node-1") == (1000, 2, {"rack": "b"}, []), "zrms knows the new settings")
    said = until(lambda: [t for t in causes(c, "edge-node-1") if t.startswith("its settings changed")], "an event")
    assert said == ["its settings changed: 1 placed there would not be placed there now, by labels, capabilities or "
                    "devices; 2000m of cpu reserved, of 1000m that it has; it stays until it is moved"]
    assert c.get("/v1/zhosts/edge-node-1")["state"] == "deployed-started"
    # It stays, and is untouched.
    assert [(pid, start_of(pid)) for pid in c.zruns("edge-node-1")] == held
    after = c.space("eye", "api")
    assert (after["zhost"], after["epoch"], after["since"]) == (space["zhost"], space["epoch"], space["since"])
    # The topology's own history says it, too.
    assert any(e["cause"] == said[0] for e in c.events(c.topology("eye")["id"]))
    # The same again changes nothing; what was before is well again.
    zhost.process.send_signal(signal.SIGHUP)
    until(lambda: "settings.read changed=no" in zhost.log.read_text(), "the settings were read again")
    write(c, "edge-node-1", cpu=4, memory="4GiB", labels={"rack": "a"}, capabilities=["sensors.camera"])
    zhost.process.send_signal(signal.SIGHUP)
    until(lambda: causes(c, "edge-node-1")[-1] == "its settings changed", "nothing is out of place any more")


def test_an_instance_of_each_zhost_comes_and_goes_with_a_label_at_sighup(start_cluster):
    c = start_cluster(zhosts=[{"name": "edge-node-1", "labels": {"probe": "yes"}}, {"name": "edge-node-2"}])
    c.deploy("probe", [{"name": "agent", "type": "CALL", "count": "each",
                        "placement": {"constraints": ["probe == yes"]}}])
    names = lambda: sorted(s["path"] for s in c.get("/v1/spaces?state=deployed-started")["spaces"])
    assert names() == ["agent@edge-node-1"]
    write(c, "edge-node-2", cpu=4, memory="4GiB", labels={"probe": "yes"})
    c.zhosts["edge-node-2"].process.send_signal(signal.SIGHUP)
    until(lambda: names() == ["agent@edge-node-1", "agent@edge-node-2"], "it appears")
    write(c, "edge-node-1", cpu=4, memory="4GiB")
    c.zhosts["edge-node-1"].process.send_signal(signal.SIGHUP)
    until(lambda: names() == ["agent@edge-node-2"], "it goes")


def test_a_mistake_at_sighup_is_logged_with_its_place_and_changes_nothing(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])
    zhost = c.zhosts["edge-node-1"]
    before = view(c, "edge-node-1")
    file = c.directory / "edge-node-1.yaml"
    for text, said in (("zhosts:\n- name: edge-node-1\n  cpu: lots\n", f"{file}:3:8: "),
                       ("zhosts:\n- name: another\n", "none is named 'edge-node-1'"),
                       ("zhosts: [", f"{file}:")):
        file.write_text(text)
        zhost.process.send_signal(signal.SIGHUP)
        until(lambda: any("settings.refused" in line and said in line for line in zhost.log.read_text().splitlines()),
              said)
    assert zhost.is_running() and view(c, "edge-node-1") == before


def test_settings_are_taken_at_a_restart(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"], timeout="20s")
    c.deploy("kept", [{"name": "api", "type": "CALL"}])
    held = c.zruns("edge-node-1")
    write(c, "edge-node-1", cpu=2, memory="1GiB", labels={"rack": "b"})
    c.zhosts["edge-node-1"].kill(signal.SIGTERM)
    c.zhosts["edge-node-1"].start()
    until(lambda: view(c, "edge-node-1") == (2000, 1, {"rack": "b"}, []), "zrms knows the new settings")
    assert c.zruns("edge-node-1") == held
