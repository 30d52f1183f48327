"""A zhost is drained: what is there leaves it without a lost message, and what cannot leave is named."""
from conftest import IDLE
from test_move import PAGE, PATHS, answers_pass, expect_all_answered, sources, space


def test_no_message_is_lost_while_the_zhost_of_half_the_spaces_is_drained(start_cluster):
    c = start_cluster()
    far = {"anti_affinity": [{"with": "store", "required": True}]}
    spaces = [space("asker", placement={"affinity": [{"with": "store", "required": True}]}),
              space("front", count=4, placement=far), space("store"), PAGE]
    c.deploy("shop", spaces, sources(), PATHS)
    answers_pass(c, "shop", 100)
    zhost = c.zhost_of("shop", "front-1")
    drained = c.zshell("cluster", "drain", zhost, "--wait=60s")
    assert f"Zhost {zhost} is drained." in drained.stdout
    for number in range(1, 5):
        assert c.zhost_of("shop", f"front-{number}") != zhost
    assert "cordoned, drained" in c.zshell("cluster", "status", zhost).stdout
    answers_pass(c, "shop", 100)
    expect_all_answered(c, "shop")
    c.zshell("cluster", "rm", zhost)


def test_a_drain_ends_at_its_deadline_with_what_is_left(start_cluster):
    c = start_cluster()
    c.deploy("shop", [space("api"), space("db", storage="local")], {"api": IDLE, "db": IDLE})
    zhost = c.zhost_of("shop", "db")
    ended = c.zshell("cluster", "drain", zhost, "--deadline", "2s", "--wait", check=False)
    assert ended.returncode == 4, ended.stderr
    assert "shop/db: db keeps its data here (storage: local), so it is not moved" in ended.stdout
    assert "cordoned, drain ended" in c.zshell("cluster", "status", zhost).stdout
    forced = c.zshell("cluster", "drain", zhost, "--deadline", "1s", "--force", "--wait")
    assert f"Zhost {zhost} is drained." in forced.stdout
    c.zshell("cluster", "uncordon", zhost)
    view = c.get(f"/v1/zhosts/{zhost}")
    assert (view["cordoned"], view.get("drain")) == (False, None)
