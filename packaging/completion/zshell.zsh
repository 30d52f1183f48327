#compdef zshell
_zshell() {
	local -a candidates
	candidates=(${(f)"$("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)"})
	if (( ${candidates[(Ie):files]} )); then
		candidates=(${candidates:#:files})
		_files
	fi
	(( ${#candidates} )) && compadd -a candidates
}
if [ "${funcstack[1]}" = _zshell ]; then
	_zshell "$@"
else
	compdef _zshell zshell
fi
