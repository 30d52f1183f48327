# What the drivers of zrms that are written in shell have in common: sourced by each. One call is one process: a
# line of JSON comes in, a line of JSON goes out; what goes to standard error is quoted when the call fails.
# The working directory is the driver's own, and lasts. docs/design/014-machines-by-drivers.md

IFS= read -r line || [ -n "$line" ] || exit 2
# The words of zrms come first, then settings and labels, which are the caller's own text. In a string a quote has a
# backslash before it: no value looks like what is cut at.
top=${line%%,\"settings\":\{*}
settings=
[ "$top" = "$line" ] || settings=${line#*,\"settings\":\{}
settings=${settings%%\},\"labels\":\{*}

# value TEXT NAME: of a string in an object of JSON, without its escapes
value() {
	printf '%s' ",$1" | sed 's/^,{/,/' |
		sed -n "s/.*,\"$2\":\"\(\([^\"\\\\]\|\\\\.\)*\)\".*/\1/p" | sed 's/\\\(["\\\/]\)/\1/g'
}
field() { value "$top" "$1"; }
setting() { value "$settings" "$1"; }

plain() { printf '%s' "$*" | tr '\n\t"\\' "  ''" | cut -c 1-300; } # for a string of JSON
answer() { # STATE [NOTE]: what is worth to be known
	if [ -n "${2:-}" ]; then
		printf '{"state":"%s","note":"%s"}\n' "$1" "$(plain "$2")"
	else
		printf '{"state":"%s"}\n' "$1"
	fi
	exit 0
}
fail() {
	printf '{"error":"%s"}\n' "$(plain "$*")"
	exit 1
}

operation=$(field operation)
key=$(field key)
name=$(field name)
token=$(field token)
unset line top
is_like() { printf '%s\n' "$1" | grep -Eqx -e "$2"; } # TEXT EXPRESSION: all of it
case $operation in
list) ;;
create | status | destroy)
	is_like "$key" '[A-Za-z0-9-]{1,128}' || fail "the key '$key' is none"
	is_like "$name" '[a-z0-9][a-z0-9-]{0,62}' || fail "the name '$name' is none of a zhost"
	;;
*) fail "the operation '$operation' is not known" ;;
esac

# One call for a machine at a time. What is started closes descriptor 9: else the lock stays.
lock() {
	exec 9>"$PWD/lock-$key"
	flock 9
}
