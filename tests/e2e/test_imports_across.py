"""A space imports from a public one of another topology."""
from conftest import BIN, run, until
from native import log_text, native_app, native_deploy, processes_of, state

SHOP = [{"name": "store", "public": True, "provides": ["database"], "exports": {"ip": "", "port": ""}}]
SHOP_FILES = {"store/recipes/start": "#!/bin/sh\nsleep 100081 >/dev/null 2>&1 &\n"}
SITE = [
    {"name": "web", "imports": [{"from": "shop/store", "variables": ["port"]}]},
    {"name": "job", "imports": [{"from": "shop/database", "optional": True}]}]
SITE_FILES = {
    "web/recipes/start": """
        #!/bin/sh
        echo "the port of $SAMOZA_IMPORT_shop_store_0_PATH is $SAMOZA_IMPORT_shop_store_0_port"
        sleep 100082 >/dev/null 2>&1 &
        """,
    "job/recipes/start": "#!/bin/sh\nsleep 100083 >/dev/null 2>&1 &\n",
    "job/recipes/update": "#!/bin/sh\necho \"providers: ${SAMOZA_IMPORT_shop_database_COUNT:-none}\"\n"}


def why(c, path):
    return c.space("site", path).get("why", "")


def port(c):
    return {e["name"]: e["value"] for e in c.space("shop", "store")["exports"]}["port"]


def pids(words):
    return [pid for pid, _ in processes_of(words)]


def submit_site(c):
    package = c.build(native_app(c, "site", SITE, SITE_FILES), "site")
    c.zshell("topo", "submit", package)
    until(lambda: state(c, "site", "web") == "unresolved", "there is no shop")


def test_an_import_from_another_topology_waits_for_it_and_gets_its_values(c):
    submit_site(c)
    assert why(c, "web") == "web is unresolved: needs shop/store, and there is no topology shop"
    shop = native_deploy(c, "shop", SHOP, SHOP_FILES)
    c.wait_state("site", "running")
    until(lambda: f"the port of shop/store is {port(c)}" in log_text(c), "web has the value")
    until(lambda: "providers: 1" in log_text(c), "job is told")
    assert c.space("site", "web")["imports"][0]["providers"] == ["shop/store"]
    assert [d["space"] for d in c.topology("shop")["dependents"]] == ["site/job", "site/web"]
    assert [s.get("public", False) for s in (c.space("shop", "store"), c.space("site", "web"))] == [True, False]
    assert [p.get("public", False) for name in ("shop", "site") for p in c.topology(name)["placements"]] == [
        True, False, False]
    assert "Public:    to other topologies" in c.zshell("spaces", "status", "shop/store").stdout
    assert "Public:" not in c.zshell("spaces", "status", "site/web").stdout
    # What a recipe has begun is its shell for a moment.
    before = until(lambda: all(found := (pids("sleep 100081"), pids("sleep 100082"), pids("sleep 100083"))) and found, "all run")

    c.zrms.kill()
    c.start_zrms()
    c.wait_state("site", "running")
    assert (pids("sleep 100081"), pids("sleep 100082"), pids("sleep 100083")) == before

    done = c.zshell("topo", "stop", "shop")
    assert "site/web needs shop/store, and stops until it is back" in done.stderr, done
    assert "site/job imports from shop/database, and runs on without it" in done.stderr, done
    until(lambda: state(c, "site", "web") == "unresolved", "its provider has stopped")
    until(lambda: "needs shop/store, whose topology was stopped by" in why(c, "web"), "it says why")
    assert pids("sleep 100082") == [] and pids("sleep 100083") == before[2]

    c.zshell("topo", "rm", "shop")
    c.zrms.kill()
    c.start_zrms()
    assert "and there is no topology shop" in why(c, "web")
    c.submit(shop)
    c.wait_state("site", "running")
    assert pids("sleep 100083") == before[2]


def test_what_is_not_public_provides_nothing(c):
    native_deploy(c, "shop", [dict(SHOP[0], public=False)], SHOP_FILES)
    submit_site(c)
    assert why(c, "web") == "web is unresolved: needs shop/store, which is not public in shop"


def test_validation_says_what_it_can_know(c):
    own = [{"name": "web", "imports": [{"from": "site/job"}]}, SITE[1]]
    source = native_app(c, "site", own, SITE_FILES)
    refused = run(BIN / "mex", "validate", source, check=False)
    assert refused.returncode != 0
    assert "'site/job' is of this topology: name it 'job'" in refused.stderr + refused.stdout
    run(BIN / "mex", "validate", native_app(c, "site", SITE, SITE_FILES))
