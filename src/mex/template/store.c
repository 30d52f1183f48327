/*
 * store: keeps one number. A value that samoza_put() has stored survives the death of this
 * process, of its machine and of zrms.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <samoza.h>

static char text[SAMOZA_MESSAGE_MAX + 1];
static char from[SAMOZA_FROM_MAX];
static long count;

SAMOZA_ON_INIT(void)
{
	char value[32];
	int32_t size = samoza_get("count", value, sizeof(value) - 1);

	if (size < 0 && size != -SAMOZA_ENOENT)
		return 1; /* the storage is not reachable: fail, to be started again later */
	if (size > 0) {
		value[size < (int32_t)sizeof(value) ? size : (int32_t)sizeof(value) - 1] = '\0';
		count = strtol(value, NULL, 10);
	}
	return 0;
}

static void add_one(void)
{
	char value[32];
	int size = snprintf(value, sizeof(value), "%ld", count + 1);

	if (samoza_put("count", value, (uint32_t)size) == 0)
		count++;
	else
		samoza_log(SAMOZA_WARN, "cannot store the count");
}

SAMOZA_ON_PROCESS(void)
{
	int32_t size = samoza_recv_next(1000, text, sizeof(text) - 1, from, sizeof(from));
	char *question, answer[SAMOZA_FROM_MAX + 32];

	if (size <= 0)
		return 0; /* no message, or a stop was requested */
	text[size] = '\0';
	question = strchr(text, '\n'); /* "WHO\nadd" */
	if (question == NULL)
		return 0;
	*question++ = '\0';
	if (strcmp(question, "add") == 0)
		add_one();
	int length = snprintf(answer, sizeof(answer), "%s\n%ld", text, count);
	if (length < (int)sizeof(answer))
		(void)samoza_reply(from, answer, (uint32_t)length);
	return 0;
}

SAMOZA_ON_CLOSE(void)
{
	samoza_log(SAMOZA_INFO, "store closed");
	return 0;
}
