"""A count that is written, or is written no longer: instances have other names, and keep what is theirs."""
from conftest import until
from native import native_app

SPACES = ("near", "far")

# How often it was started, as it has kept it.
COUNTS = """
#include <samoza.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
SAMOZA_ON_INIT(void)
{
	char value[16] = "", line[64];
	int size = samoza_get("starts", value, sizeof(value) - 1);
	int starts = (size > 0 ? atoi(value) : 0) + 1;
	snprintf(value, sizeof(value), "%d", starts);
	int result = samoza_put("starts", value, strlen(value));
	snprintf(line, sizeof(line), "starts %d, put %d", starts, result);
	samoza_log(SAMOZA_INFO, line);
	return 0;
}
SAMOZA_ON_PROCESS(void) { samoza_sleep(1000); return 0; }
"""


def said(c, topology, path):
    log = c.log_of(topology, path)
    return log[-1].split(None, 2)[2] if log else None


def started(c, topology):
    return sorted(s["path"] for s in c.get(f"/v1/spaces?topology={topology}")["spaces"]
                  if s["state"] == "deployed-started")


def test_data_stays_with_an_instance_that_gets_another_name(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])

    def version(number, **count):
        spaces = [dict({"name": name, "type": "DATA", "storage": storage,
                        "capabilities": ["sys.log", "data.read", "data.write"]}, **count)
                  for name, storage in zip(SPACES, ("local", "cluster"))]
        directory = c.app("shop", spaces, {name: COUNTS for name in SPACES}, manifest={
            "metadata": {"name": "shop", "version": number, "publisher": "example.com",
                         "created": "2026-04-29T10:30:00Z"}})
        return c.build(directory, f"shop-{number}")
    c.submit(version("1.0.0"))
    until(lambda: [said(c, "shop", s) for s in SPACES] == ["starts 1, put 0"] * 2, "both have begun")

    c.zshell("topo", "submit", version("1.1.0", count=2), "--wait=60s")
    assert started(c, "shop") == ["far-1", "far-2", "near-1", "near-2"]
    until(lambda: [said(c, "shop", f"{s}-1") for s in SPACES] == ["starts 2, put 0"] * 2, "the first have their data")
    until(lambda: [said(c, "shop", f"{s}-2") for s in SPACES] == ["starts 1, put 0"] * 2, "the second have none")

    c.zrms.kill()
    c.zhosts["edge-node-1"].kill()
    c.start_zrms()
    c.zhosts["edge-node-1"].start()
    c.wait_zhost("edge-node-1", "deployed-started")
    c.zshell("topo", "rollback", "shop", "--wait=60s")
    assert started(c, "shop") == ["far", "near"]
    until(lambda: [said(c, "shop", s) for s in SPACES] == ["starts 3, put 0"] * 2, "they have it under the former name")

    # Those that were removed have kept theirs, and the first ones have one and the same.
    c.zshell("topo", "stop", "shop")
    c.zshell("topo", "submit", version("1.2.0", count=2), "--wait=60s")
    until(lambda: [said(c, "shop", f"{s}-1") for s in SPACES] == ["starts 4, put 0"] * 2, "also while it was stopped")
    until(lambda: [said(c, "shop", f"{s}-2") for s in SPACES] == ["starts 2, put 0"] * 2, "so have the second")


def test_the_directory_of_a_native_instance_stays_with_it(start_cluster):
    c = start_cluster(zhosts=["edge-node-1"])

    def version(number, **count):
        small = {"run": {"mode": "foreground"}, "resources": {"cpu": "50m", "memory": "16MiB"}}
        directory = native_app(c, "keep", [dict({"name": "db"}, **small, **count)], {
            "db/recipes/start": "#!/bin/sh\necho $SAMOZA_INSTANCE >> $SAMOZA_DATA/names\n"
                                "echo kept $(cat $SAMOZA_DATA/names)\nexec sleep 1000\n"}, number)
        return c.build(directory, f"keep-{number}")

    def kept(path):
        return [line.split("kept", 1)[1].split() for line in c.log_of("keep", path) if "kept" in line][-1:]
    c.submit(version("1.0.0"))
    until(lambda: kept("db") == [["db"]], "it has begun")
    c.zshell("topo", "submit", version("1.1.0", count=2), "--wait=60s")
    until(lambda: kept("db-1") == [["db", "db-1"]], "it has its directory")
    until(lambda: kept("db-2") == [["db-2"]], "the second one has its own")
    c.zshell("topo", "submit", version("1.2.0"), "--wait=60s")
    until(lambda: kept("db") == [["db", "db-1", "db"]], "and under the former name again")
    assert started(c, "keep") == ["db"]
