# fish completion for zshell
function __zshell_complete
	set -l words (commandline -opc) (commandline -ct)
	for candidate in ($words[1] complete -- $words[2..-1] 2>/dev/null)
		if test "$candidate" = :files
			__fish_complete_path (commandline -ct)
		else
			echo $candidate
		end
	end
end
complete -c zshell -f -a '(__zshell_complete)'
