"""Circles: files, or directories, that need each other, so that none can be read, tested or replaced
without the rest. A file needs another if it uses a function or variable that the other defines, a
directory needs those of the files that its files need; headers need what they include. There are
no exceptions.
"""
import os.path

from checks import layers, symbols


def circles(graph):
    """Strongly connected components of more than one node (Tarjan, without recursion)."""
    index, low, on, stack, found = {}, {}, set(), [], []
    for start in sorted(graph):
        if start in index:
            continue
        work = [(start, iter(sorted(graph[start])))]
        index[start] = low[start] = len(index)
        stack.append(start)
        on.add(start)
        while work:
            node, successors = work[-1]
            for next_one in successors:
                if next_one not in index:
                    index[next_one] = low[next_one] = len(index)
                    stack.append(next_one)
                    on.add(next_one)
                    work.append((next_one, iter(sorted(graph.get(next_one, ())))))
                    break
                if next_one in on:
                    low[node] = min(low[node], index[next_one])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = []
                    while True:
                        part.append(stack.pop())
                        on.discard(part[-1])
                        if part[-1] == node:
                            break
                    if len(part) > 1:
                        found.append(sorted(part))
    return found


def home_of(user, homes):
    """Which of the files that define a symbol `user` means: programs may define the same name. The
    nearest one; None where that is not clear."""
    for directory in (os.path.dirname(user), "/".join(user.split("/")[:2]), "src"):
        near = [home for home in homes if home.startswith(directory + "/")]
        if near:
            return near[0] if len(near) == 1 else None
    return None


def by_symbols(tree):
    mine = {name: path for name, path in tree.objects().items() if name.startswith("src/")}
    found = symbols.symbols(mine)
    homes = {}
    for name, (defined, _) in found.items():
        for symbol in defined:
            homes.setdefault(symbol, []).append(name)
    graph = {name: set() for name in found}
    for name, (_, needed) in found.items():
        for symbol in needed:
            home = home_of(name, homes.get(symbol, []))
            if home is not None and home != name:
                graph[name].add(home)
    return graph


def of_directories(graph):
    """The same, between the directories of the files."""
    directories = {}
    for name, needed in graph.items():
        mine = directories.setdefault(os.path.dirname(name), set())
        mine |= {os.path.dirname(home) for home in needed} - {os.path.dirname(name)}
    return directories


def by_includes(tree):
    headers = [name for name in tree.sources() if name.endswith(".h")]
    return {name: {target for _, _, target in layers.includes(tree, name)
                   if target in headers and target != name} for name in headers}


def of_layers():
    graph = {}
    for mine, theirs in layers.ALSO:
        graph.setdefault(mine, set()).add(theirs)
        graph.setdefault(theirs, set())
    for part in circles(graph):
        yield f"tools/checks/layers.py: layers that may use each other: {', '.join(part)}"


def check(tree):
    yield from of_layers()
    for part in circles(by_includes(tree)):
        yield f"{part[0]}: headers that include each other: {', '.join(part)}"
    graph = by_symbols(tree)
    for part in circles(graph):
        yield f"files that use each other's functions: {', '.join(part)}"
    for part in circles(of_directories(graph)):
        yield f"directories that use each other's functions: {', '.join(part)}"
