"""Pages with `access: token`: for those alone who have signed in for the page, or show the token of a viewer."""
import http.client
import json
import re
import time
import urllib.parse

import pytest
from conftest import DEADLINE, token_of, until
from test_access import new_user, shell

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PATHS = ["", "index.html", "data.txt", "none.txt", "samoza.js", "_samoza/messages", "_samoza/placements"]


class Site:
    """A cluster with a page for some and a page for all, at two zedges."""

    def __init__(self, c):
        self.c = c
        directory = c.app("shop", [{"name": "web", "type": "UI", "access": "token"},
                                   {"name": "admin", "type": "UI", "access": "token"}, {"name": "open", "type": "UI"}])
        for space in ("web", "admin", "open"):
            (directory / "spaces" / space / "index.html").write_text(f"this is {space}")
            (directory / "spaces" / space / "data.txt").write_text(f"data of {space}")
        c.submit(c.build(directory, "shop"))
        self.zedges = [c.zedge(name) for name in ("n1", "n2")]
        until(lambda: all(self.ask("open/", zedge=z)[0] == 200 for z in self.zedges), "both zedges know the pages")

    def ask(self, path, headers=None, method="GET", body=None, zedge=None, topology="shop", timeout=30):
        host = urllib.parse.urlsplit(zedge or self.zedges[0]).netloc
        connection = http.client.HTTPConnection(host, timeout=timeout)
        connection.request(method, f"/{topology}/{path}", body=body, headers=headers or {})
        answer = connection.getresponse()
        seen = {k.lower(): v for k, v in answer.getheaders()}
        text = answer.read() if seen.get("content-type") != "text/event-stream" else b""
        connection.close()
        return answer.status, seen, text.decode()

    def code(self, token, page="shop/web"):
        return json.loads(shell(self.c, token, "user", "code", "--page", page, "-o", "json").stdout)["code"]

    def sign_in(self, code, space="web", zedge=None, **headers):
        return self.ask(f"{space}/_samoza/sign-in", {"Content-Type": "application/x-www-form-urlencoded", **headers}, "POST",
                        urllib.parse.urlencode({"code": code}), zedge)

    def cookie(self, code, space="web"):
        status, headers, text = self.sign_in(code, space)
        assert (status, headers.get("location")) == (303, f"/shop/{space}/"), text
        value, *marks = headers["set-cookie"].split("; ")
        assert value.startswith("samoza-page-session=smzs_")
        assert set(marks) >= {f"Path=/shop/{space}/", "HttpOnly", "SameSite=Lax"}
        assert 43000 < int(dict(m.split("=") for m in marks if "=" in m)["Max-Age"]) <= 43200
        return {"Cookie": f"samoza-page=0; {value}; other=1"}


@pytest.fixture
def site(start_cluster):
    return Site(start_cluster(zhosts=["n1", "n2"]))


def admin_of(site):
    return token_of(site.c.url)


def test_without_a_sign_in_nothing_of_the_page_is_served(site):
    for path in PATHS:
        for headers in ({}, {"Cookie": "samoza-page-session=smzs_" + "a" * 43}, {"Cookie": "samoza-page-session=x"},
                        {"Authorization": "Bearer smzu_" + "a" * 43}, {"Authorization": "Bearer x"},
                        {"Authorization": "Basic YTpi"}):
            status, seen, text = site.ask(f"web/{path}", headers)
            assert status == 401 and "this is" not in text and "data of" not in text, (path, headers, text)
            assert seen["www-authenticate"] == "Bearer" and json.loads(text)["error"]["code"] == "denied"
        assert site.ask(f"open/{path}")[0] in (200, 404)
    assert site.ask("web/_samoza/emit?path=x", {"X-Samoza-Session": "a"}, "POST", "x")[0] == 401
    assert site.ask("web/_samoza/emit?path=x", {"X-Samoza-Session": "a"}, "POST", "x", site.zedges[1])[0] == 401
    # A browser gets a form, without anything from elsewhere.
    status, seen, text = site.ask("web/", BROWSER)
    assert status == 401 and '<form method="post" action="/shop/web/_samoza/sign-in">' in text
    assert seen["cache-control"] == "no-store"
    policy = seen["content-security-policy"]
    nonce = re.search("script-src 'nonce-([0-9a-f]{32})'", policy).group(1)
    assert policy.startswith("default-src 'none'; ") and "frame-ancestors 'none'" in policy
    assert f"form-action {site.zedges[0]}/shop/web/;" in policy and text.count(nonce) == 2
    assert nonce not in site.ask("web/", BROWSER)[1]["content-security-policy"]
    assert site.ask("web/_samoza/sign-in", BROWSER)[0] == 200
    # A page for everybody has no form, and neither has what there is not.
    assert site.ask("open/_samoza/sign-in", BROWSER)[0] == site.ask("none/_samoza/sign-in")[0] == 404


def test_a_code_opens_its_page_once_at_every_zedge(site):
    ann = new_user(site.c, "ann", "operator", "--topologies", "shop")
    code = site.code(ann)
    assert site.sign_in(code, "admin")[0] == 401, "it is for another page"
    cookie = site.cookie(code)
    status, _, text = site.sign_in(code)
    assert status == 401 and "it was used" in text
    for zedge in site.zedges:
        status, headers, text = site.ask("web/", cookie, zedge=zedge)
        assert (status, text) == (200, "this is web")
        assert headers["cache-control"] == "private, no-cache" and headers["vary"] == "Cookie, Authorization"
        assert site.ask("web/data.txt", cookie, zedge=zedge)[2] == "data of web"
        assert site.ask("web/none.txt", cookie, zedge=zedge)[0] == 404
        assert site.ask("web/_samoza/messages", cookie, zedge=zedge)[0] == 200
    tag = headers["etag"]
    assert site.ask("web/", {**cookie, "If-None-Match": tag})[0] == 304
    assert site.ask("web/", {"If-None-Match": tag})[0] == 401, "not even that it has not changed"
    # For this page, and for nothing else: not another page, and not zrms.
    assert site.ask("admin/", cookie)[0] == 401
    secret = cookie["Cookie"].split("samoza-page-session=")[1].split(";")[0]
    for headers in ({"Authorization": f"Bearer {secret}"},
                    {"Cookie": f"samoza-{site.c.get('/v1/cluster')['id'][:8]}={secret}"}):
        assert site.c.request("GET", "/v1/topologies", None, {"Authorization": "", **headers})[0] == 401
    # zrms' own code is not for zedge, and a page's code is not for zrms.
    own = json.loads(shell(site.c, ann, "user", "code", "-o", "json").stdout)["code"]
    assert site.sign_in(own)[0] == 401
    assert site.c.request("POST", "/v1/sign-in", {"code": site.code(ann)}, {"Authorization": ""})[0] == 401
    # Who may not see the topology makes no code for its page.
    bob = new_user(site.c, "bob", "operator", "--topologies", "bank")
    refused = shell(site.c, bob, "user", "code", "--page", "shop/web", check=False)
    assert refused.returncode == 1 and "no topology shop" in refused.stderr
    for wrong in ("", "smzc_", "x", "smzu_" + "a" * 43):
        assert site.sign_in(wrong)[0] == 400
    assert site.sign_in("smzc_" + "a" * 43)[0] == 401
    # Another site cannot sign anybody in.
    assert site.sign_in(site.code(ann), Origin="https://evil.example")[0] == 403
    assert site.sign_in(site.code(ann), Origin=site.zedges[0])[0] == 303
    # The audit and the list name them, and no secret.
    lines = shell(site.c, admin_of(site), "cluster", "audit", "--json").stdout
    assert '"sign in with a code for the page shop/web"' in lines and "page shop/web at zhost n1" in lines
    # Who was refused, too, by the address of the browser.
    (wrong,) = [l for l in map(json.loads, lines.splitlines()) if "page shop/admin at zhost n1" in json.dumps(l)]
    assert "is for another page" in json.dumps(wrong) and '"127.0.0.1"' in json.dumps(wrong), wrong
    assert "smzc_" not in lines and "smzs_" not in lines
    listed = json.loads(shell(site.c, admin_of(site), "user", "session", "list", "-o", "json").stdout)["sessions"]
    assert {s["page"] for s in listed if s["user"] == "ann"} == {"shop/web"}


def test_a_viewers_token_opens_pages_of_what_it_sees_and_no_other_token_does(site):
    seeing = new_user(site.c, "seeing", "viewer", "--topologies", "shop")
    blind = new_user(site.c, "blind", "viewer", "--topologies", "bank")
    operator = new_user(site.c, "ops", "operator")

    def status(token, path="web/data.txt"):
        return site.ask(path, {"Authorization": f"Bearer {token}"})[0]
    assert status(seeing) == status(seeing, "admin/") == 200
    # Another one's: what has a stream open is asked about in any case.
    assert status(new_user(site.c, "watching", "viewer"), "web/_samoza/messages") == 200
    # Theirs is for zrms alone: a zhost that was taken over must not get more than a view.
    assert [status(token) for token in (blind, operator, admin_of(site))] == [401, 401, 401]
    shell(site.c, admin_of(site), "user", "token", "rotate", "seeing")
    until(lambda: status(seeing) == 401, "a replaced token opens nothing", 15)


def test_what_is_revoked_ends_and_so_does_its_stream(site):
    ann = new_user(site.c, "ann", "viewer")
    cookie = site.cookie(site.code(ann))
    keeps = site.cookie(site.code(admin_of(site)))
    host = urllib.parse.urlsplit(site.zedges[0]).netloc

    def stream(headers):
        connection = http.client.HTTPConnection(host, timeout=60)
        connection.request("GET", "/shop/web/_samoza/messages", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.readline() == b"event: session\n"
        session = json.loads(answer.readline().decode().split(":", 1)[1])["session"]
        return connection, answer, session
    connection, answer, session = stream(cookie)
    other, other_answer, _ = stream(keeps)
    emit = {**cookie, "X-Samoza-Session": session}
    assert site.ask("web/_samoza/emit?path=x", emit, "POST", "x")[0] == 404  # it has no such path
    begun = time.monotonic()
    shell(site.c, admin_of(site), "user", "rm", "ann")
    while answer.readline():
        pass
    assert time.monotonic() - begun < 20, "the stream ends"
    assert site.ask("web/", cookie)[0] == 401
    assert site.ask("web/_samoza/emit?path=x", emit, "POST", "x")[0] == 401
    # Another one's secret does not bring its session back.
    assert site.ask("web/_samoza/emit?path=x", {**keeps, "X-Samoza-Session": session}, "POST", "x")[0] == 409
    assert site.ask("web/", keeps)[0] == 200
    other_answer.fp.raw._sock.settimeout(1)
    with pytest.raises(OSError):
        for _ in range(100):
            assert other_answer.readline(), "the other stream goes on"
    for c in (connection, other):
        c.close()
    listed = json.loads(shell(site.c, admin_of(site), "user", "session", "list", "-o", "json").stdout)["sessions"]
    (mine,) = [s for s in listed if s.get("page") == "shop/web"]
    shell(site.c, admin_of(site), "user", "session", "rm", mine["id"])
    until(lambda: site.ask("web/", keeps)[0] == 401, "a session that an administrator ends", 15)


def test_while_zrms_is_away_what_it_has_granted_goes_on_and_nobody_else_gets_in(site):
    ann = new_user(site.c, "ann", "viewer")
    cookie = site.cookie(site.code(ann))
    code = site.code(ann)
    assert site.ask("web/", cookie)[0] == 200
    assert site.ask("web/", {"Cookie": "samoza-page-session=smzs_" + "b" * 43})[0] == 401
    site.c.zrms.kill()
    until(lambda: site.ask("web/", {"Cookie": "samoza-page-session=smzs_" + "a" * 43})[0] == 503, "zrms is away")
    assert site.ask("web/", cookie)[0] == 200
    status, headers, text = site.sign_in(code)
    assert status == 503 and headers["retry-after"] == "5" and "zrms cannot be asked now" in text
    assert site.ask("web/", cookie, zedge=site.zedges[1])[0] == 503, "this zedge has not been told of it"
    assert site.ask("web/", {"Authorization": f"Bearer {ann}"})[0] == 503
    assert site.ask("web/")[0] == 401 and site.ask("open/")[0] == 200
    # Also when zedge would ask again: of this one it was told "no" a moment later than "yes" of the other.
    until(lambda: site.ask("web/", {"Cookie": "samoza-page-session=smzs_" + "b" * 43})[0] == 503, "it asks again", 20)
    assert site.ask("web/", cookie)[0] == 200
    site.c.start_zrms()
    for name in ("n1", "n2"):
        site.c.wait_zhost(name, "deployed-started")
    until(lambda: site.ask("web/", cookie, zedge=site.zedges[1])[0] == 200, "it outlived the crash")
    until(lambda: site.sign_in(code)[0] == 303, "nothing had used the code up")


def test_a_version_that_asks_for_a_token_closes_the_page_that_was_open(site):
    directory = site.c.app("shop", [{"name": "web", "type": "UI", "access": "token"},
                                    {"name": "admin", "type": "UI", "access": "token"},
                                    {"name": "open", "type": "UI", "access": "token"}],
                           manifest={"metadata": {
                               "name": "shop", "version": "2.0.0", "publisher": "example.com",
                               "created": "2026-04-29T10:30:00Z"}})
    for space in ("web", "admin", "open"):
        (directory / "spaces" / space / "index.html").write_text(f"this is {space}")
        (directory / "spaces" / space / "data.txt").write_text(f"data of {space}")
    page = site.ask("open/")[1]["set-cookie"].split(";")[0]
    listening = http.client.HTTPConnection(urllib.parse.urlsplit(site.zedges[1]).netloc, timeout=60)
    listening.request("GET", "/shop/open/_samoza/messages")
    answer = listening.getresponse()
    assert answer.status == 200 and answer.readline() == b"event: session\n"
    plan = site.c.zshell("topo", "plan", site.c.build(directory, "shop-2"), check=False).stdout
    assert re.search(r"open.*access|access", plan), plan
    site.c.submit(site.c.build(directory, "shop-3"))
    for zedge in site.zedges:
        until(lambda: site.ask("open/", {"Cookie": page}, zedge=zedge)[0] == 401, "it asks now", DEADLINE)
    # Who has listened since before hears nothing more.
    begun = time.monotonic()
    while answer.readline():
        assert time.monotonic() - begun < 20, "the stream ends"
    listening.close()
