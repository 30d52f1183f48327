"""What runs on the cluster while its zrms fail.

    store      a page, and the space behind it that keeps data: the registers of clients.Keeper
    steady     one process on each zhost, which is never replaced: nothing restarts it
    only       an exclusive process
    shop-N     what people scale
    depot      what they scale all the time, and never start
    bell       what they start and stop
    front      a page, of which versions are submitted
"""
import os

from clients import DEPOT, TOPOLOGIES, VERSIONS
from cluster import ZHOSTS
from conftest import Cluster
from native import native_app

STORE = r"""
#include <samoza.h>

#include <stdio.h>
#include <string.h>

static char message[SAMOZA_MESSAGE_MAX], answer[1024], value[512];

static char *next_line(char **text)
{
	char *line = *text;
	if (line != NULL && (*text = strchr(line, '\n')) != NULL)
		*(*text)++ = '\0';
	return line;
}

SAMOZA_ON_PROCESS(void)
{
	char from[SAMOZA_FROM_MAX];
	int32_t size = samoza_recv_next(1000, message, sizeof(message) - 1, from, sizeof(from));
	if (size <= 0)
		return 0;
	message[size] = '\0';
	char *rest = message;
	char *tag = next_line(&rest), *verb = next_line(&rest), *key = next_line(&rest);
	if (key == NULL)
		return 0;
	int32_t r;
	if (strcmp(verb, "put") == 0) {
		r = samoza_put(key, rest, (uint32_t)strlen(rest));
		size = r == 0 ? snprintf(answer, sizeof(answer), "%s\nok", tag)
			      : snprintf(answer, sizeof(answer), "%s\nerror\n%d", tag, (int)r);
	} else {
		r = samoza_get(key, value, sizeof(value) - 1);
		if (r >= 0)
			value[r] = '\0';
		size = r >= 0 ? snprintf(answer, sizeof(answer), "%s\nvalue\n%s", tag, value)
		     : r == -SAMOZA_ENOENT ? snprintf(answer, sizeof(answer), "%s\nnone", tag)
				 : snprintf(answer, sizeof(answer), "%s\nerror\n%d", tag, (int)r);
	}
	samoza_reply(from, answer, (uint32_t)size);
	return 0;
}
"""
SMALL = {"run": {"mode": "foreground"}, "resources": {"cpu": "20m", "memory": "16MiB"}}


def sleeper(mark):
    return f"#!/bin/sh\nexec sleep {mark}\n"


class Apps:
    """`marks`: of processes, by which they are found."""

    def __init__(self, cluster):
        self.cluster = cluster
        own = f"{os.getpid():07d}"
        self.exclusive = {f"47{own}0": "only/only"}
        self.steady = {f"47{own}{1 + n}": f"steady/on-{name}" for n, name in enumerate(ZHOSTS)}

    def deploy(self):
        c = self.cluster
        c.packages = [self.front(version).read_bytes() for version in range(VERSIONS)]
        source = Cluster.app(c, "store", [
            {"name": "page", "type": "UI"},
            {"name": "store", "type": "DATA", "storage": "cluster",
             "capabilities": ["sys.log", "net.emit", "net.recv", "data.read", "data.write"]}],
            {"store": STORE}, [{"from": "page", "to": "store", "name": "questions"}])
        c.submit(c.build(source, "store"))
        (mark, _), = self.exclusive.items()
        self.native("only", [{"name": "only", "exclusive": True}], {"only": mark})
        marks = {name.split("/")[1]: mark for mark, name in self.steady.items()}
        self.native("steady", [{"name": f"on-{name}", "loss": {"replace_after": "never"},
                                "placement": {"constraints": [f"zhost == {name}"]}} for name in ZHOSTS], marks)
        for n in range(TOPOLOGIES):
            self.native(f"shop-{n}", [{"name": "a", "count": 1}], {"a": "86400"})
        self.native(DEPOT, [{"name": "a", "count": 1}], {"a": "86400"}, "?start=0")
        self.native("bell", [{"name": "a"}], {"a": "86400"})
        c.submit(c.directory / "front-0.mex")
        for name in ("store", "only", "steady", "bell", *(f"shop-{n}" for n in range(TOPOLOGIES)), "front"):
            c.wait_running(name)

    def native(self, name, spaces, marks, query=""):
        source = native_app(self.cluster, name, [{**SMALL, **space} for space in spaces],
                            {f"{space}/recipes/start": sleeper(mark) for space, mark in marks.items()})
        self.cluster.submit(self.cluster.build(source, name), query)

    def front(self, version):
        source = Cluster.app(self.cluster, "front", [{"name": "page", "type": "UI"}],
                             manifest={"metadata": {"name": "front", "version": f"1.0.{version}", "publisher": "example.com",
                                                    "created": "2026-04-29T10:30:00Z"}})
        return self.cluster.build(source, f"front-{version}")
