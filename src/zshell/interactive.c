/*
 * The interactive shell: libedit reads lines, the table of commands runs and completes them.
 *
 *   zshell[0] >> topo status my-app
 *   10.0.0.7:7331 zshell[1] >> topo        (zrms is not at the usual address)
 *
 * Ctrl-C abandons the line, or the command that runs; Ctrl-D ends. Without a terminal, lines
 * are read without prompt and history.
 */
#include "zshell/interactive.h"

#include <dirent.h>
#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "adapter/client/interrupt.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "zshell/program.h"
#include "zshell/shell/complete.h"

#define HISTORY_LINES 1000

struct interactive {
	struct shell *shell;
	EditLine *line;
	History *history;
	char *history_file; /* NULL: kept for this session only */
	unsigned number;    /* of the prompt */
	char *prompt;
	mbstate_t reading;
};

static struct interactive *of(EditLine *line)
{
	struct interactive *i = NULL;

	(void)el_get(line, EL_CLIENTDATA, &i);
	return i;
}

/* ---------------------------------------------------------------- keys */

static const char *without_scheme(const char *url)
{
	const char *end = strstr(url, "://");

	return end != NULL ? end + 3 : url;
}

/* Names zrms where it is not the usual one [shell.zshell.prompt]. */
static char *prompt(EditLine *line)
{
	struct interactive *i = of(line);
	const char *url = api_url(i->shell->api);
	CLEANUP(freep) char *where = text_escaped(url);
	bool usual = str_equal(url, DEFAULT_URL);

	free(i->prompt);
	i->prompt = str_printf("%s%szshell[%u] >> ", usual ? "" : without_scheme(where),
			       usual ? "" : " ", i->number);
	return i->prompt;
}

/* One byte of the terminal: 1, 0 at its end, -1 (EINTR) after Ctrl-C. */
static int read_byte(char *ret_byte)
{
	for (;;) {
		struct pollfd fds[2] = {{.fd = STDIN_FILENO, .events = POLLIN},
					{.fd = interrupt_fd(), .events = POLLIN}};
		ssize_t n;

		(void)poll(fds, 2, -1);
		if (interrupt_pending()) {
			errno = EINTR;
			return -1;
		}
		if (fds[0].revents == 0)
			continue;
		n = read(STDIN_FILENO, ret_byte, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		return n < 0 ? -1 : (int)n;
	}
}

/* One character, for libedit. */
static int read_character(EditLine *line, wchar_t *ret_character)
{
	struct interactive *i = of(line);

	for (;;) {
		char byte;
		size_t n;
		int r = read_byte(&byte);

		if (r <= 0)
			return r;
		n = mbrtowc(ret_character, &byte, 1, &i->reading);
		if (n == (size_t)-2)
			continue; /* more bytes to come */
		if (n == (size_t)-1) {
			i->reading = (mbstate_t){0};
			continue;
		}
		if (n == 0)
			*ret_character = L'\0';
		return 1;
	}
}

/* ---------------------------------------------------------------- completion */

/* Names of files that begin with `current`; directories end in /. */
static void add_files(const char *current, struct cli_candidates *c)
{
	const char *slash = strrchr(current, '/');
	CLEANUP(freep)
	char *directory =
		slash != NULL ? mem_strndup(current, (size_t)(slash - current) + 1) : NULL;
	const char *begin = slash != NULL ? slash + 1 : current;
	DIR *dir = opendir(directory != NULL ? directory : ".");

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;) {
		struct stat st;
		char *path;

		if (!str_has_prefix(e->d_name, begin) ||
		    (e->d_name[0] == '.' && begin[0] != '.'))
			continue;
		path = str_printf("%s%s", directory != NULL ? directory : "", e->d_name);
		if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
			char *with_slash = str_printf("%s/", path);

			free(path);
			path = with_slash;
		}
		vector_push(&c->list, path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* Length of the common prefix of all candidates. */
static size_t shared_prefix(const struct cli_candidates *c)
{
	size_t n = strlen(c->list.items[0]);

	for (size_t i = 1; i < c->list.count; i++) {
		size_t k = 0;

		while (k < n && c->list.items[i][k] == c->list.items[0][k])
			k++;
		n = k;
	}
	return n;
}

static void list_candidates(const struct interactive *i, const struct cli_candidates *c)
{
	size_t widest = 0, columns;

	vector_for_each (&c->list, s) {
		widest = strlen(*s) > widest ? strlen(*s) : widest;
	}
	output_measure(&i->shell->output);
	columns = i->shell->output.columns / (widest + 2);
	columns = columns > 0 ? columns : 1;
	(void)fputc('\n', stdout);
	for (size_t k = 0; k < c->list.count; k++) {
		CLEANUP(freep) char *safe = text_escaped(c->list.items[k]);
		bool last = (k + 1) % columns == 0 || k + 1 == c->list.count;

		(void)fprintf(stdout, "%-*s%s", last ? 0 : (int)widest + 2, safe,
			      last ? "\n" : "");
	}
	(void)fflush(stdout);
}

/* Inserts `text` at the cursor, quoted as the line requires. */
static void insert(EditLine *line, const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		char piece[3] = {'\\', text[i], '\0'};
		bool special = strchr(" \t\"'\\", text[i]) != NULL;

		(void)el_insertstr(line, special ? piece : piece + 1);
	}
}

static unsigned char complete(EditLine *line, int key)
{
	struct interactive *i = of(line);
	CLEANUP(cli_candidates_done) struct cli_candidates candidates = {0};
	Tokenizer *words = tok_init(NULL);
	CLEANUP(freep) char *current = NULL;
	const char **argv = NULL;
	int argc = 0, word = 0, offset = 0;
	bool files = false;
	unsigned char result = CC_ERROR;
	size_t shared;

	INVARIANT(words != NULL);
	/* An unclosed quote is allowed here. */
	(void)tok_line(words, el_line(line), &argc, &argv, &word, &offset);
	if (word >= 0 && word <= argc) {
		current =
			word < argc ? mem_strndup(argv[word], (size_t)offset) : mem_strdup("");
		complete_words(i->shell, argv, (size_t)word, current, &candidates, &files);
	}
	if (files)
		add_files(current, &candidates);
	if (candidates.list.count > 0) {
		const char *first = candidates.list.items[0];

		shared = shared_prefix(&candidates);
		insert(line, first + strlen(current), shared - strlen(current));
		result = CC_REFRESH;
		if (candidates.list.count == 1 && !str_has_suffix(first, "/") &&
		    !str_has_suffix(first, "=")) {
			(void)el_insertstr(line, " ");
		} else if (candidates.list.count > 1 && shared == strlen(current)) {
			list_candidates(i, &candidates);
			result = CC_REDISPLAY;
		}
	}
	tok_end(words);
	return result;
}

/* ---------------------------------------------------------------- history */

/* Makes `path` and missing parent directories, for this user only. */
static int make_directories(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		int r;

		*slash = '\0';
		r = mkdir(path, 0700);
		*slash = '/';
		if (r < 0 && errno != EEXIST)
			return -1;
	}
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -1 : 0;
}

/* $XDG_STATE_HOME/samoza/zshell_history, or NULL without a home directory. */
static char *find_history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	CLEANUP(freep) char *directory = NULL;

	if (!str_is_empty(state) && state[0] == '/')
		directory = str_printf("%s/samoza", state);
	else if (!str_is_empty(home))
		directory = str_printf("%s/.local/state/samoza", home);
	if (directory == NULL || make_directories(directory) < 0)
		return NULL;
	return str_printf("%s/zshell_history", directory);
}

static void remember(struct interactive *i, const char *line)
{
	HistEvent event;

	(void)history(i->history, &event, H_ENTER, line);
	if (i->history_file != NULL)
		(void)history(i->history, &event, H_SAVE, i->history_file);
}

/* ---------------------------------------------------------------- lines */

static int run_line(struct interactive *i, const char *line)
{
	Tokenizer *words = tok_init(NULL);
	const char **argv = NULL;
	int argc = 0;
	int status = CLI_DONE;

	INVARIANT(words != NULL);
	if (tok_str(words, line, &argc, &argv) != 0) {
		output_note(&i->shell->output, "zshell: unclosed quote");
		status = CLI_USAGE;
	} else if (argc > 0) {
		status = shell_run_line(i->shell, argv, (size_t)argc);
	}
	tok_end(words);
	return status;
}

static bool is_blank(const char *line)
{
	size_t n = strspn(line, " \t\r\n");

	return line[n] == '\0' || line[n] == '#';
}

static void edit_start(struct interactive *i)
{
	HistEvent event;

	i->line = el_init("zshell", stdin, stdout, stderr);
	i->history = history_init();
	INVARIANT(i->line != NULL && i->history != NULL);
	(void)history(i->history, &event, H_SETSIZE, HISTORY_LINES);
	(void)history(i->history, &event, H_SETUNIQUE, 1);
	i->history_file = find_history_file();
	if (i->history_file != NULL)
		(void)history(i->history, &event, H_LOAD, i->history_file);
	(void)el_set(i->line, EL_CLIENTDATA, i);
	(void)el_set(i->line, EL_PROMPT, prompt);
	(void)el_set(i->line, EL_HIST, history, i->history);
	(void)el_set(i->line, EL_EDITOR, "emacs");
	(void)el_set(i->line, EL_GETCFN, read_character);
	(void)el_set(i->line, EL_ADDFN, "zshell-complete", "complete the word", complete);
	(void)el_set(i->line, EL_BIND, "^I", "zshell-complete", NULL);
	(void)el_source(i->line, NULL);
}

static void edit_end(struct interactive *i)
{
	el_end(i->line);
	history_end(i->history);
	free(i->history_file);
	free(i->prompt);
}

static int run_terminal(struct shell *shell)
{
	struct interactive i = {.shell = shell};
	int status = CLI_DONE;

	interrupt_catch();
	edit_start(&i);
	while (!shell->leave) {
		const char *line;
		CLEANUP(freep) char *copy = NULL;
		int count = 0;

		interrupt_clear();
		/* Before the prompt: el_gets() does it after, and a Ctrl-D in between, of somebody who
		 * types ahead, would be taken by the terminal's line discipline. */
		(void)el_set(i.line, EL_PREP_TERM, 1);
		line = el_gets(i.line, &count);
		if (interrupt_pending()) {
			(void)fputs("^C\n", stdout);
			el_reset(i.line);
			i.reading = (mbstate_t){0};
			continue;
		}
		if (line == NULL || count <= 0) {
			(void)fputc('\n', stdout);
			break;
		}
		if (is_blank(line))
			continue;
		copy = mem_strdup(line);
		copy[strcspn(copy, "\r\n")] = '\0';
		remember(&i, copy);
		interrupt_clear();
		status = run_line(&i, copy);
		i.number++;
	}
	edit_end(&i);
	return shell->leave ? status : CLI_DONE;
}

/* Lines of a pipe or a file; the status is that of the last one. */
static int run_lines(struct shell *shell)
{
	struct interactive i = {.shell = shell};
	CLEANUP(freep) char *line = NULL;
	size_t capacity = 0;
	int status = CLI_DONE;

	shell->output.no_pager = true;
	while (!shell->leave && getline(&line, &capacity, stdin) >= 0) {
		line[strcspn(line, "\r\n")] = '\0';
		if (!is_blank(line))
			status = run_line(&i, line);
	}
	return status;
}

static int run_until_failure(struct shell *shell, const char *path, FILE *file)
{
	struct interactive i = {.shell = shell};
	CLEANUP(freep) char *line = NULL;
	size_t capacity = 0;
	unsigned number = 0;
	int status = CLI_DONE;

	while (!shell->leave && status == CLI_DONE && getline(&line, &capacity, file) >= 0) {
		number++;
		line[strcspn(line, "\r\n")] = '\0';
		if (!is_blank(line))
			status = run_line(&i, line);
	}
	if (status != CLI_DONE && !shell->leave)
		output_note(&shell->output, "%s:%u: stopped here: %s", path, number, line);
	return status;
}

int interactive_run_file(struct shell *shell, const char *path)
{
	FILE *file = str_equal(path, "-") ? stdin : fopen(path, "re");
	int status;

	if (file == NULL) {
		output_note(&shell->output, "zshell: cannot read %s: %s", path,
			    strerror(errno));
		return CLI_FAILED;
	}
	shell->interactive = true;
	shell->output.no_pager = true;
	status = run_until_failure(shell, path, file);
	if (ferror(file)) {
		output_note(&shell->output, "zshell: cannot read %s: %s", path,
			    strerror(errno));
		status = CLI_FAILED;
	}
	if (file != stdin)
		(void)fclose(file);
	return status;
}

int interactive_run(struct shell *shell)
{
	shell->interactive = true;
	return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 ? run_terminal(shell)
								       : run_lines(shell);
}
