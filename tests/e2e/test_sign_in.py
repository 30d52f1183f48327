"""Codes and sessions: how a page is used without a token in it."""
import http.cookies
import json
import threading
import urllib.error
import urllib.request

import pytest

from conftest import token_of
from test_access import new_user, shell


@pytest.fixture
def c(start_cluster):
    return start_cluster(zhosts=["n1"])


def ask(c, method, path, body=None, **headers):
    """Status, JSON of the answer, and its cookies."""
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(c.url + path, data=data, method=method,
                                     headers={k.replace("_", "-"): v for k, v in headers.items()})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        answer = error
    with answer:
        return answer.status, json.loads(answer.read() or b"null"), answer.headers.get_all("Set-Cookie") or []


def sign_in(c, **proof):
    """Headers of who has signed in: for reading, and for changes."""
    status, who, cookies = ask(c, "POST", "/v1/sign-in", proof)
    assert status == 200, who
    cookie = http.cookies.SimpleCookie(cookies[0])
    (morsel,) = cookie.values()
    assert morsel["httponly"] and morsel["samesite"] == "Strict" and morsel["path"] == "/"
    reads = {"Cookie": f"{morsel.key}={morsel.value}"}
    return reads, {**reads, "Samoza_Session": who["word"]}


def test_a_code_signs_in_once_and_the_session_outlives_a_crash(c):
    ann = new_user(c, "ann", "viewer")
    code = json.loads(shell(c, ann, "user", "code", "-o", "json").stdout)["code"]
    reads, changes = sign_in(c, code=code)
    assert ask(c, "POST", "/v1/sign-in", {"code": code})[0] == 401
    assert ask(c, "GET", "/v1/session", **reads)[1]["user"] == "ann"
    c.zrms.kill()
    c.start_zrms()
    assert ask(c, "GET", "/v1/zhosts", **reads)[0] == 200
    assert ask(c, "POST", "/v1/sign-in", {"code": code})[0] == 401
    assert ask(c, "POST", "/v1/zhosts/n1/cordon", **changes)[0] == 403  # a viewer
    listed = shell(c, token_of(c.url), "user", "session", "list").stdout
    assert "ann" in listed and "127.0.0.1" in listed
    assert ask(c, "DELETE", "/v1/session", **changes)[0] == 204
    assert ask(c, "GET", "/v1/zhosts", **reads)[0] == 401
    assert "Nobody is signed in." in shell(c, token_of(c.url), "user", "session", "list").stdout


def test_a_cookie_alone_changes_nothing(c):
    """A browser sends it to every port of the host, also to that of a program of a NATIVE space."""
    code = json.loads(shell(c, token_of(c.url), "user", "code", "-o", "json").stdout)["code"]
    reads, changes = sign_in(c, code=code)
    assert ask(c, "POST", "/v1/zhosts/n1/cordon", **reads)[0] == 403
    assert ask(c, "POST", "/v1/zhosts/n1/cordon", **reads, Origin="http://evil.example")[0] == 403
    assert ask(c, "POST", "/v1/zhosts/n1/cordon", **changes, Origin="http://127.0.0.1:1")[0] == 403
    assert ask(c, "POST", "/v1/zhosts/n1/cordon", **changes, Origin=c.url)[0] == 200
    lines = [json.loads(line) for line in shell(c, token_of(c.url), "cluster", "audit", "--json").stdout.splitlines()]
    assert [line["outcome"] for line in lines if line["request"] == "POST /v1/zhosts/n1/cordon"][-2:] == \
        ["denied", "done"] or any(line["action"] == "cordon zhost n1" and line["outcome"] == "done" for line in lines)
    assert not any(secret in json.dumps(lines) for secret in ("smzc_", "smzs_", "smzw_"))


def test_a_session_opens_no_link_of_a_zhost(c):
    """Not with its word, either: an administrator's token may, in place of a zhost's."""
    code = json.loads(shell(c, token_of(c.url), "user", "code", "-o", "json").stdout)["code"]
    for headers in sign_in(c, code=code):
        for path in ("/v1/link", "/v1/artifacts/sha256/" + "0" * 64):
            status, answer, _ = ask(c, "GET", path, **headers, Connection="Upgrade", Upgrade="samoza-link")
            assert (status, answer["error"]["message"]) == (403, "a session is not for zhosts: show a token")


def test_a_session_ends_with_its_token_and_so_does_what_it_opened(c):
    ann = new_user(c, "ann", "operator")
    reads, _ = sign_in(c, token=ann)
    request = urllib.request.Request(f"{c.url}/v1/events?after=0", headers=reads)
    begun, ended = threading.Event(), threading.Event()

    def follow():
        with urllib.request.urlopen(request, timeout=60) as stream:
            begun.set()
            while stream.readline():
                pass
        ended.set()
    threading.Thread(target=follow, daemon=True).start()
    assert begun.wait(20), "the stream begins"
    shell(c, token_of(c.url), "user", "token", "rotate", "ann")
    assert ended.wait(20), "the stream ends"
    assert ask(c, "GET", "/v1/zhosts", **reads)[0] == 401
    reads, _ = sign_in(c, token=new_user(c, "bob", "viewer"))
    session = json.loads(shell(c, token_of(c.url), "user", "session", "list", "-o", "json").stdout)["sessions"][0]
    shell(c, token_of(c.url), "user", "session", "rm", session["id"])
    assert ask(c, "GET", "/v1/zhosts", **reads)[0] == 401


def test_without_users_a_sentence_says_so(c):
    said = shell(c, token_of(c.url), "user", "list")
    assert "There are no users" in said.stdout and "NAME" not in said.stdout
    assert shell(c, token_of(c.url), "user", "list", "-o", "name").stdout == ""
    assert json.loads(shell(c, token_of(c.url), "user", "list", "-o", "json").stdout) == {"users": []}
