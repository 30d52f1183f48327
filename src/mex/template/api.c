/*
 * api: forwards requests of the page to the store, and the store's replies to the page.
 *
 *   page  --queries-->  api  --rows-->  store      "WHO\nadd"
 *   page  <--queries--  api  <--rows--  store      "WHO\n42"
 *
 * WHO is the page that sent the request ("queries#..."). So api keeps no state: it can be
 * restarted, and several instances of it can run.
 */
#include <stdio.h>
#include <string.h>

#include <samoza.h>

static char text[SAMOZA_MESSAGE_MAX + 1];
static char from[SAMOZA_FROM_MAX];

static void pass_question_on(void)
{
	static char question[SAMOZA_FROM_MAX + 64];
	int length = snprintf(question, sizeof(question), "%s\n%s", from, text);

	if (length >= (int)sizeof(question))
		return; /* no valid request is that long */
	int32_t r = samoza_emit("rows", question, (uint32_t)length);
	if (r < 0)
		samoza_log(SAMOZA_WARN, "cannot reach the store");
}

static void pass_answer_back(void)
{
	char *end = strchr(text, '\n');

	if (end == NULL)
		return;
	*end = '\0';
	(void)samoza_reply(text, end + 1, (uint32_t)strlen(end + 1));
}

SAMOZA_ON_PROCESS(void)
{
	int32_t size = samoza_recv_next(1000, text, sizeof(text) - 1, from, sizeof(from));

	if (size <= 0)
		return 0; /* no message, or a stop was requested */
	text[size] = '\0';
	if (strncmp(from, "rows#", 5) == 0)
		pass_answer_back();
	else
		pass_question_on();
	return 0;
}
