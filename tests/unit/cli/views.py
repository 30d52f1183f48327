"""Answers of zrms as long as they get: each view of proto/view.proto with every field, made from the file itself, so that a
field or a view that is added is in them."""
import pathlib
import re

from fake_zrms import ID, UPDATED

PROTO = pathlib.Path(__file__).parents[3] / "proto" / "view.proto"
# Where any text would not do; otherwise a text has its name in it.
TEXTS = {"id": ID, "topology_id": ID, "state": "deployed-started", "goal": "deployed-started", "package_digest": "0" * 64,
         "kind": "topology", "zhost": "edge-node-1.of.a.site.with-a-long-name", "latitude": "1", "role": "operator"}
TIMES = re.compile(r"since|until|created|updated|time|expires|heard|last_.*|.*_at|completed|used|when|delivered|next|heartbeat|.*_time|begun|ended|.*_expires|deadline|kept_until|joined")
NUMBERS = ("uint32", "uint64", "int32", "int64", "double")


def messages():
    text = re.sub(r"//[^\n]*", "", PROTO.read_text())
    return {name: re.findall(r"(required|optional|repeated) +(\w+) +(\w+) *= *\d+", body)
            for name, body in re.findall(r"message (\w+) \{(.*?)\n\}", text, re.S)}


MESSAGES = messages()


def value(kind, name, texts):
    if kind in MESSAGES:
        return view(kind, texts)
    if kind in NUMBERS:
        return 123456
    if kind == "bool":
        return False
    if name in texts:
        return texts[name]
    return UPDATED if TIMES.fullmatch(name) else f"a-{name.replace('_', '-')}-that-is-long-enough"


def view(message, texts=()):
    """Each list has two entries."""
    texts = {**TEXTS, **dict(texts)}
    return {name: [value(kind, name, texts) for _ in range(2)] if label == "repeated" else value(kind, name, texts)
            for label, kind, name in MESSAGES[message]}
