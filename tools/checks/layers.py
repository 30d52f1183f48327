"""Who may use whom: the layers of ARCHITECTURE.md, for includes and for symbols, and the headers of
the system and of libraries that a layer may include.
"""
import functools
import os.path
import re

from checks.tree import without_comments

# A layer uses only layers above it. Layers in one line do not use each other, except where ALSO
# says so.
ORDER = [
    ["base"], ["proto"], ["schema"], ["model"],
    ["core"], ["port"], ["core/commit", "core/leader"], ["core/lifecycle"], ["core/application", "core/place", "core/agent", "core/access"],
    ["core/notice"], ["core/control"], ["core/plan", "core/record"],
    ["adapter/terminal", "adapter/token"],
    ["adapter/log", "adapter/cli", "adapter/output", "adapter/uv", "adapter/sim", "adapter/http",
     "adapter/wire", "adapter/artifact", "adapter/sqlite", "adapter/etcd", "adapter/archive", "adapter/wasm2c", "adapter/sandbox",
     "adapter/pki", "adapter/tls", "adapter/client", "adapter/systemd", "adapter/snapshot", "adapter/lock", "adapter/netns",
     "adapter/backup", "adapter/recorder", "adapter/secret", "adapter/webhook"],
    ["zrun/protocol"], ["zrun/launch"], ["zrun/runner"], ["zrun/native", "zrun/wasm"], ["zrun"],
    ["zhost/state", "zhost/environment", "zhost/uplink"],
    ["zhost/log", "zhost/artifact", "zhost/mesh", "zhost/data", "zhost/secret"],
    ["zhost/edge", "zhost/process", "zhost/native", "zhost/direct"], ["zhost/space"], ["zhost/reconcile", "zhost/exec"],
    ["zsim/world"], ["zsim/fuzz", "zsim/scenario"],
    ["zrms/artifact", "zrms/secret"], ["zrms/submission"],
    ["zshell/shell"], ["zshell/command"],
    ["zsim", "zhost", "zrms", "mex", "zshell", "startz", "zbench"],
]
ALSO = {
    ("adapter/sqlite", "adapter/uv"): "posts back to the loop",
    ("adapter/etcd", "adapter/uv"): "posts back to the loop",
    ("adapter/http", "adapter/uv"): "runs on the loop",
    ("adapter/tls", "adapter/pki"): "certificates",
    ("adapter/wire", "adapter/http"): "asks for the upgrade",
    ("adapter/backup", "adapter/artifact"): "digests",
    ("adapter/client", "adapter/cli"): "addresses, version",
    ("adapter/client", "adapter/tls"): "whom libcurl believes",
    ("adapter/client", "adapter/pki"): "authorities and fingerprints",
    ("adapter/webhook", "adapter/uv"): "posts back to the loop",
    ("adapter/webhook", "adapter/cli"): "version",
}

# Headers of the C library that promise no effect on the world outside. What they declare that
# does have one (printf, getenv) is refused by its symbol: symbols.py.
PLAIN = {"ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "math.h", "stdalign.h",
         "stdarg.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "string.h",
         "strings.h"}
# A layer that is named here includes nothing else from outside the tree.
SYSTEM = {
    "base": PLAIN | {"unistd.h", "uthash.h"},
    "proto": set(),
    "schema": PLAIN | {"locale.h", "jansson.h", "yaml.h", "protobuf-c/protobuf-c.h"},
    "model": PLAIN | {"protobuf-c/protobuf-c.h"},
    "core": PLAIN | {"utlist.h"},
    "port": PLAIN,
}
# Libraries, and the layers that know them. All others are behind an interface of ours.
LIBRARIES = {
    "curl/curl.h": ["adapter/client", "adapter/etcd", "adapter/webhook"],
    "histedit.h": ["zshell"],
    "jansson.h": ["schema", "adapter/client", "startz", "zbench", "zrms", "zshell"],
    "libsmartcols.h": ["adapter/output"],
    "microhttpd.h": ["adapter/http"],
    "protobuf-c/protobuf-c.h": ["schema", "adapter/client", "adapter/etcd", "adapter/http",
                                "adapter/output", "zrms"],
    "seccomp.h": ["adapter/sandbox"],
    "sodium.h": ["adapter/archive", "adapter/artifact", "adapter/backup", "adapter/etcd", "adapter/pki", "adapter/secret", "adapter/sqlite", "adapter/token", "adapter/wasm2c", "adapter/webhook", "zhost",
                 "zhost/artifact", "zhost/edge", "zhost/secret", "zhost/state", "zrms"],
    "sqlite3.h": ["adapter/sqlite"],
    "uthash.h": ["base"],
    "utlist.h": None,  # any: only macros
    "uv.h": ["adapter/uv"],
    "yaml.h": ["schema", "adapter/cli"],
    "zip.h": ["adapter/archive"],
    "zlib.h": ["zrms"],
    "zstd.h": ["adapter/recorder"],
}
# The same, of libraries with many headers.
LIBRARY_DIRECTORIES = {"openssl/": ["adapter/pki", "adapter/tls", "zbench"]}  # zbench: what TLS costs without ours
# Of the C library and of Linux, for layers that SYSTEM does not name.
LINUX = PLAIN | {
    "dirent.h", "dlfcn.h", "elf.h", "fcntl.h", "ftw.h", "grp.h", "ifaddrs.h", "langinfo.h", "link.h", "locale.h", "malloc.h",
    "netdb.h", "poll.h", "pthread.h", "pwd.h", "sched.h", "signal.h", "spawn.h", "stdatomic.h",
    "termios.h", "time.h", "ucontext.h", "unistd.h", "wchar.h"}
LINUX_DIRECTORIES = ("arpa/", "linux/", "net/", "netinet/", "sys/")

INCLUDE = re.compile(r"^[ \t\r]*(?:#|%:|\?\?=)[ \t\r]*(?:include|include_next|import|embed)\b"
                     r"[ \t\r]*([^\n]*)", re.MULTILINE)
# Headers that the build makes, and the layer that they belong to.
GENERATED = {
    "adapter/cli/version.h": "adapter/cli",
    "adapter/etcd/content.pb-c.h": "adapter/etcd",
    "adapter/etcd/rpc.pb-c.h": "adapter/etcd",
    "mex_template.h": "mex",
    "model/space_kinds.h": "model",
    "samoza_js.h": "zhost/edge",
    "wasm2c_embedded.h": "adapter/wasm2c",
    "zbench/version.h": "zbench",
}


@functools.cache
def level_of(layer):
    for level, layers in enumerate(ORDER):
        if layer in layers:
            return level
    return None


@functools.cache
def layer_of(name):
    """"src/core/place/x.h" is in core/place, "src/core/instant.h" in core, "proto/x" and what is
    generated from it in proto; None: in no layer."""
    if name.endswith((".pb-c.h", ".pb-c.c")):
        return "proto"
    parts = name.split("/")
    if parts[0] == "proto":
        return "proto"
    if parts[:2] == ["build", "src"]:  # generated
        parts = parts[1:]
    if parts[0] != "src" or len(parts) < 3:
        return None
    two = "/".join(parts[1:3])
    if len(parts) > 3 and level_of(two) is not None:
        return two
    return parts[1] if level_of(parts[1]) is not None else None


def may_use(mine, theirs):
    return mine == theirs or (mine, theirs) in ALSO or level_of(theirs) < level_of(mine)


@functools.cache
def written_includes(text):
    """(line, how it is written) of each include."""
    joined = text.replace("\\\n", "\r\r")  # one line for the preprocessor
    return [(text.count("\n", 0, found.start(1)) + 1,
             joined[found.start(1):found.end(1)].replace("\r", "").strip())
            for found in INCLUDE.finditer(without_comments(joined))]


def includes(tree, name):
    """(line, how it is written, file of the tree or None): every include, in whatever form."""
    for line, written in written_includes(tree.text(name)):
        target = re.match(r'([<"])([^>"]*)[>"]', written)
        outside = target is None or (target.group(1) == "<" and is_outside(target.group(2)))
        yield line, written, None if outside else resolve(tree, name, target.group(2))


def is_outside(header):
    return (header in LINUX or header in LIBRARIES
            or header.startswith((*LINUX_DIRECTORIES, *LIBRARY_DIRECTORIES)))


def resolve(tree, name, target):
    for base in (os.path.dirname(name), "src", ""):
        path = os.path.normpath(os.path.join(base, target))
        if tree.exists(path):
            return path
    path = os.path.normpath(target)
    if path.endswith(".pb-c.h") and path not in GENERATED:
        return path if path.startswith("proto/") else f"proto/{path}"
    return None


def of_library(layer, header):
    """A finding's words where `layer` may not include `header`, which is not of the tree."""
    if layer is None:
        return None
    rule = SYSTEM.get(layer, SYSTEM.get(layer.split("/")[0]))
    if rule is not None:
        return None if header in rule else f"{layer} may not include <{header}>"
    directory = next((d for d in LIBRARY_DIRECTORIES if header.startswith(d)), None)
    if header in LIBRARIES or directory is not None:
        layers = LIBRARIES[header] if directory is None else LIBRARY_DIRECTORIES[directory]
        if layers is None or layer in layers or layer.split("/")[0] in layers:
            return None
        return f"{layer} may not include <{header}>: only {', '.join(layers)} may"
    if header in LINUX or header.startswith(LINUX_DIRECTORIES):
        return None
    return f"<{header}> is not known to tools/checks/layers.py; say there who may include it"


def check(tree):
    for name in tree.sources():
        mine = layer_of(name)
        if mine is None:
            yield f"{name}: in no layer of tools/checks/layers.py; add it to ORDER"
            continue
        for line, written, target in includes(tree, name):
            where = f"{name}:{line}"
            if target is None:
                outside = re.fullmatch(r'[<"]([^<>"]+)[>"].*', written)
                if outside is None:
                    yield f"{where}: include of a macro: {written}"
                    continue
                theirs = GENERATED.get(outside.group(1))
                if theirs is not None and may_use(mine, theirs):
                    continue
                why = of_library(mine, os.path.normpath(outside.group(1)))
                if why:
                    yield f"{where}: {why}"
                continue
            path = target[len("src/"):] if target.startswith("src/") else target
            if written != f'"{path}"':
                yield f'{where}: write this include as "{path}"'
            if not target.endswith(".h"):
                yield f"{where}: not a header: {path}"
            theirs = layer_of(target)
            if theirs is None:
                yield f"{where}: {mine} may not use {path}, which is in no layer"
            elif not may_use(mine, theirs):
                yield f"{where}: {mine} may not use {theirs}, which is below it"
