/*
 * Between pages and the store: checks what a page sends, forwards it along `rows`, and returns the
 * store's reply to exactly the page that sent the request.
 *
 *   page ── "list" ─────────────────────────────────┐
 *   page ── "add\nID\nMILLISECONDS\nNAME\nTEXT" ────┴─► api ── "TAG\n…" ─► store
 *   page ◄─ "entries\n…" or "error\n…" ──────────────── api ◄─ "TAG\n…" ── store
 *
 * ID and time come from the page, so that sending the same entry again changes nothing.
 */
#include <samoza.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WAITING 64
#define MAX_NAME    60
#define MAX_TEXT    400

/* The page of each request, by tag: the newest request replaces the oldest. */
struct question {
	uint32_t tag;
	char from[SAMOZA_FROM_MAX];
};

static struct question waiting[MAX_WAITING];
static uint32_t next_tag = 1;
static char message[SAMOZA_MESSAGE_MAX], passed_on[SAMOZA_MESSAGE_MAX];

static void refuse(const char *from, const char *why)
{
	char answer[256];
	int size = snprintf(answer, sizeof(answer), "error\n%s", why);

	samoza_reply(from, answer, (uint32_t)size);
}

/* Takes the next line of *text; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text;

	if (line == NULL)
		return NULL;
	*text = strchr(line, '\n');
	if (*text != NULL)
		*(*text)++ = '\0';
	return line;
}

static bool is_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdefghijklmnopqrstuvwxyz");

	return n >= 1 && n <= 32 && s[n] == '\0';
}

static bool is_time(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n >= 1 && n <= 15 && s[n] == '\0';
}

static bool is_text(const char *s, size_t max)
{
	return s[0] != '\0' && strlen(s) <= max && strchr(s, '\t') == NULL &&
	       strchr(s, '\n') == NULL;
}

/* Writes the request for the store, after its tag. NULL: success, otherwise why not. */
static const char *translate(char *question, uint32_t tag, int *ret_size)
{
	char *rest = question;
	char *verb = next_line(&rest);

	if (strcmp(verb, "list") == 0) {
		*ret_size = snprintf(passed_on, sizeof(passed_on), "%u\nlist", tag);
		return NULL;
	}
	if (strcmp(verb, "add") != 0)
		return "unknown request: expected 'list' or 'add'";
	char *id = next_line(&rest), *time = next_line(&rest), *name = next_line(&rest);

	if (rest == NULL || !is_id(id) || !is_time(time))
		return "expected an entry of add, id, milliseconds, name, text";
	if (!is_text(name, MAX_NAME))
		return "expected a name of 1 to 60 bytes on one line";
	if (!is_text(rest, MAX_TEXT))
		return "expected a text of 1 to 400 bytes on one line";
	*ret_size = snprintf(passed_on, sizeof(passed_on), "%u\nadd\n%s\n%015lld\n%s\t%s", tag,
			     id, atoll(time), name, rest);
	return NULL;
}

static void on_question(const char *from)
{
	struct question *q = &waiting[next_tag % MAX_WAITING];
	int size = 0;
	const char *wrong = translate(message, next_tag, &size);

	if (wrong != NULL) {
		refuse(from, wrong);
		return;
	}
	q->tag = next_tag++;
	strncpy(q->from, from, sizeof(q->from) - 1);
	int32_t r = samoza_emit("rows", passed_on, (uint32_t)size);

	if (r < 0) {
		q->tag = 0;
		refuse(from, "cannot reach the store now");
	}
}

static void on_answer(void)
{
	char *rest = message;
	uint32_t tag = (uint32_t)strtoul(next_line(&rest), NULL, 10);
	struct question *q = &waiting[tag % MAX_WAITING];

	if (tag == 0 || q->tag != tag || rest == NULL)
		return; /* asked before this instance lived, or too long ago */
	q->tag = 0;
	samoza_reply(q->from, rest, (uint32_t)strlen(rest));
}

SAMOZA_ON_INIT(void)
{
	samoza_log(SAMOZA_INFO, "api ready");
	return 0;
}

SAMOZA_ON_PROCESS(void)
{
	char from[SAMOZA_FROM_MAX];
	int32_t size = samoza_recv_next(1000, message, sizeof(message) - 1, from, sizeof(from));

	if (size <= 0)
		return 0;
	message[size] = '\0';
	if (strncmp(from, "rows#", 5) == 0)
		on_answer();
	else
		on_question(from);
	return 0;
}

SAMOZA_ON_CLOSE(void)
{
	samoza_log(SAMOZA_INFO, "api closes");
	return 0;
}
