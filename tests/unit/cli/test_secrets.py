"""zshell secret: where a value comes from, and where it does not show."""
import base64
import json

import pytest

VIEW = {"name": "db", "topologies": "shop-*", "version": 3, "set": "2026-05-04T10:00:00Z", "set_by": "ann", "versions": [3, 2],
        "key": "0123456789abcdef", "users": ["shop-eu/api"]}
SET = ("secret", "set", "db", "--topology", "shop-*")


@pytest.fixture
def asked(zrms):
    zrms.routes["POST /v1/secrets"] = (200, VIEW)
    zrms.routes["GET /v1/secrets"] = (200, {"secrets": [VIEW]})

    def bodies():
        return [json.loads(r["body"]) for r in zrms.asked("^POST /v1/secrets$")]
    return bodies


def value(body):
    return base64.b64decode(body["value"], validate=True)


def test_standard_input_is_the_value_as_it_is(zshell, asked):
    done = zshell(*SET, stdin="hunter2")
    assert done.status == 0 and done.out == "Secret db is set for topologies named shop-*: version 3.\n" and done.err == ""
    done = zshell(*SET, "--force", stdin="hunter2\n")
    assert done.status == 0 and "newline" in done.err and "hunter2" not in done.out + done.err
    assert zshell(*SET, stdin="-----BEGIN\nhunter2\n").err == "", "a text of several lines ends so"
    assert [value(b) for b in asked()] == [b"hunter2", b"hunter2\n", b"-----BEGIN\nhunter2\n"]
    assert [b.get("force", False) for b in asked()] == [False, True, False]
    assert asked()[0]["name"] == "db" and asked()[0]["topologies"] == "shop-*"


def test_a_file_has_bytes_of_any_kind(zshell, asked, tmp_path):
    for data in (bytes(range(256)), b"x" * 32768, b"\0"):
        (tmp_path / "value").write_bytes(data)
        assert zshell(*SET, "--from-file", str(tmp_path / "value")).status == 0
        assert value(asked()[-1]) == data


@pytest.mark.parametrize("words, stdin, expected, status", [
    (SET, "", "standard input is empty", 1),
    (SET, "x" * 32769, "more than 32 KiB", 1),
    ((*SET, "--from-file", "/nowhere"), "", "cannot read /nowhere", 1),
    (("secret", "set", "db"), "x", "--topology", 2),
    ((*SET, "hunter2"), "x", "hunter2", 2),
])
def test_what_is_no_value_is_not_sent(zshell, asked, words, stdin, expected, status):
    done = zshell(*words, stdin=stdin)
    assert done.status == status and expected in done.err and asked() == []


def test_a_person_types_it_twice_and_it_does_not_show(on_terminal, asked):
    t = on_terminal(*SET)
    t.expect("value of db: ")
    t.type("hunter2\r")
    t.expect("the same again: ")
    t.type("hunter2\r")
    text, status = t.rest()
    assert status == 0 and "version 3" in text and "hunter2" not in text
    assert [value(b) for b in asked()] == [b"hunter2"]


@pytest.mark.parametrize("first, second, expected", [
    ("hunter2\r", "hunter3\r", "two different values"), ("\r", "\r", "the value is empty"), ("\3", "", "no value was given"),
    ("x" * 600 + "\r", "x" * 600 + "\r", "too long to be typed")])
def test_what_was_typed_wrongly_is_not_sent(on_terminal, asked, first, second, expected):
    t = on_terminal(*SET)
    t.expect("value of db: ")
    t.type(first)
    if second:
        t.expect("the same again: ")
        t.type(second)
    text, status = t.rest()
    assert status == 1 and expected in text.replace("\n", " ") and asked() == []


def test_in_a_script_of_commands_it_is_no_line_of_it(zshell, asked):
    done = zshell(stdin="secret set db --topology *\nsecret\n")
    assert "--from-file" in done.err and asked() == [] and "shop-eu/api" in done.out


def test_the_list_has_no_value_and_says_what_cannot_be_opened(zshell, asked, zrms):
    done = zshell("secret", "list")
    assert done.status == 0 and "shop-eu/api" in done.out and done.err == ""
    assert json.loads(zshell("secret", "list", "-o", "json").out)["secrets"] == [VIEW]
    zrms.routes["GET /v1/secrets"] = (200, {"secrets": [{**VIEW, "key_missing": True}]})
    assert "credentials/secrets.key" in zshell("secret").err


def test_rm_and_rotate_key(zshell, zrms):
    zrms.routes["DELETE /v1/secrets/db"] = (204, None)
    zrms.routes["POST /v1/secrets/rotate-key"] = (200, {"key": "0123456789abcdef", "sealed": 1})
    assert zshell("secret", "rm", "db").out == "Secret db is removed.\n"
    assert zshell("secret", "rm", "db", "--force").status == 0
    assert [r["query"] for r in zrms.asked("^DELETE")] == [{}, {"force": "1"}]
    assert "key 0123456789abcdef (1 version sealed again)" in zshell("secret", "rotate-key").out
    refused = zshell("secret", "rm", "other")
    assert refused.status == 1
