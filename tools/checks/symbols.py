"""What object files refer to. Includes can be worked around by a prototype of one's own; the linker
cannot. Checked are

- core and model: symbols from outside the tree only from a list of functions without effects;
- every layer: symbols of the tree only from layers that it may use.
"""
import re
import subprocess

from checks import layers

# Functions of the C library that compute from their arguments, and what the compiler itself
# calls. Memory comes from base/memory.h, except that free() may be called on it.
PURE = set("""
    free
    memchr memcmp memcpy memmove memset strchr strcmp strcspn strlen strncmp strnlen strpbrk
    strrchr strspn strstr strcasecmp strncasecmp
    qsort qsort_r bsearch
    snprintf vsnprintf sscanf __isoc99_sscanf strtod strtol strtoll strtoul strtoull
    __ctype_b_loc __ctype_tolower_loc __ctype_toupper_loc __errno_location
    acos asin atan atan2 ceil cos exp fabs floor fmod fmax fmin hypot isfinite isinf isnan log
    log2 lround llround pow round sin sqrt tan trunc
    __assert_fail __stack_chk_fail _GLOBAL_OFFSET_TABLE_
""".split())
# protobuf-c packs, unpacks and describes.
PROTOBUF = re.compile(r"protobuf_c_(message|enum|service)_\w+|protobuf_c_empty_string")
# What no compiler version may be asked to do in a pure layer, because no symbol shows it.
HIDDEN = re.compile(r"\b(asm|__asm|__asm__|__DATE__|__TIME__|__TIMESTAMP__|__rdtscp?|"
                    r"__builtin_ia32_\w+|__builtin_readcyclecounter|_Pragma|dlsym)\b|"
                    r"^\s*#\s*pragma\s+(weak|redefine_extname)", re.MULTILINE)
PURE_LAYERS = ("src/core/", "src/model/")


READ = {}  # path of an object file: (names it defines, names it needs)


def symbols(objects):
    """For each source: (names it defines, names it needs)."""
    todo = sorted(str(path) for path in objects.values() if str(path) not in READ)
    READ.update((path, (set(), set())) for path in todo)
    for k in range(0, len(todo), 200):
        part = todo[k:k + 200]
        done = subprocess.run(["nm", "--print-file-name", *part], text=True, check=True,
                              capture_output=True)
        for line in done.stdout.splitlines():
            path, rest = line.split(":", 1)
            words = rest.split()
            kind, symbol = words[-2], words[-1]
            if kind in ("U", "w", "v"):
                READ[path][1].add(symbol)
            elif kind.isupper():
                READ[path][0].add(symbol)
    return {name: READ[str(path)] for name, path in objects.items()}


def plain(symbol):
    """The function behind a fortified one: __memcpy_chk is memcpy."""
    fortified = re.fullmatch(r"__(\w+)_chk", symbol)
    return fortified.group(1) if fortified else symbol


def check(tree):
    found = symbols({name: path for name, path in tree.objects().items()
                     if layers.layer_of(name) is not None})
    homes = {}
    for name, (defined, _) in found.items():
        for symbol in defined:
            homes.setdefault(symbol, set()).add(layers.layer_of(name))
    for name, (_, needed) in sorted(found.items()):
        mine = layers.layer_of(name)
        for symbol in sorted(needed):
            theirs = homes.get(symbol)
            if theirs is None:
                if (name.startswith(PURE_LAYERS) and plain(symbol) not in PURE
                        and not PROTOBUF.fullmatch(symbol)):
                    yield f"{name}: {symbol} is not a function that a pure layer may call"
            elif not any(layers.may_use(mine, t) for t in theirs):
                yield (f"{name}: {mine} may not use {symbol}() of {' or '.join(sorted(theirs))}, "
                       "which is below it")
    for name in tree.sources():
        if name.startswith(PURE_LAYERS):
            code = layers.without_comments(tree.text(name))
            for hit in HIDDEN.finditer(code):
                line = code.count("\n", 0, hit.start()) + 1
                yield f"{name}:{line}: {hit.group().strip()} in a pure layer"
