# bash completion for zshell
COMP_WORDBREAKS=${COMP_WORDBREAKS//@/} # shop/agent@edge-node-1 is one word
_zshell() {
	local IFS=$'\n' words candidate
	words=("${COMP_WORDS[@]:1:COMP_CWORD}")
	[ "${#words[@]}" -gt 0 ] || words=('')
	COMPREPLY=()
	for candidate in $("${COMP_WORDS[0]}" complete -- "${words[@]}" 2>/dev/null); do
		if [ "$candidate" = ':files' ]; then
			compopt -o default
		else
			COMPREPLY+=("$candidate")
		fi
	done
}
complete -F _zshell zshell
