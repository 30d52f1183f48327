/*
 * Stores the guest book. An entry is one key, `entry/TIME-ID`: keys sort by time, and an entry that
 * is sent twice is put twice under one key. An acknowledged put survives the loss of any machine,
 * since the storage of the space is that of the cluster.
 *
 *   "TAG\nlist"                        -> "TAG\nentries\nTIME\tNAME\tTEXT\n…", the newest ones
 *   "TAG\nadd\nID\nTIME\nNAME\tTEXT"   -> the same, once the entry is durable
 */
#include <samoza.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SHOWN 100 /* entries in a reply: they fit into one message */
#define MAX_KEY	  80

static char message[SAMOZA_MESSAGE_MAX], answer[SAMOZA_MESSAGE_MAX];
static char shown[MAX_SHOWN][MAX_KEY]; /* a ring of the newest keys */

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

static int answer_error(const char *tag, const char *what, int32_t error)
{
	return snprintf(answer, sizeof(answer), "%s\nerror\n%s (%d)", tag, what, (int)error);
}

/* The newest keys, oldest first: shown[first], shown[first + 1] … modulo MAX_SHOWN. */
static int32_t newest_keys(uint32_t *ret_first, uint32_t *ret_count)
{
	static struct samoza_list list;
	uint32_t total = 0;
	int32_t r;

	list = (struct samoza_list){.prefix = "entry/"};
	while ((r = samoza_list_next(&list, shown[total % MAX_SHOWN], MAX_KEY)) == 1)
		total++;
	*ret_count = total < MAX_SHOWN ? total : MAX_SHOWN;
	*ret_first = total < MAX_SHOWN ? 0 : total % MAX_SHOWN;
	return r;
}

static int answer_entries(const char *tag)
{
	uint32_t first, count;
	int32_t r = newest_keys(&first, &count);

	if (r < 0)
		return answer_error(tag, "cannot read the entries", r);
	int size = snprintf(answer, sizeof(answer), "%s\nentries", tag);

	for (uint32_t n = 0; n < count; n++) {
		const char *key = shown[(first + n) % MAX_SHOWN];
		char entry[512];
		int32_t length = samoza_get(key, entry, sizeof(entry) - 1);

		if (length < 0 || length >= (int32_t)sizeof(entry))
			continue;
		entry[length] = '\0';
		size += snprintf(answer + size, sizeof(answer) - (size_t)size, "\n%.15s\t%s",
				 key + strlen("entry/"), entry);
	}
	return size;
}

static int add(const char *tag, char *rest)
{
	char *id = next_line(&rest), *time = next_line(&rest);
	char key[MAX_KEY];

	if (rest == NULL)
		return answer_error(tag, "the entry has no text", -SAMOZA_EINVAL);
	snprintf(key, sizeof(key), "entry/%s-%s", time, id);
	int32_t r = samoza_put(key, rest, (uint32_t)strlen(rest));

	if (r < 0)
		return answer_error(tag, "cannot store the entry", r);
	return answer_entries(tag);
}

SAMOZA_ON_INIT(void)
{
	samoza_log(SAMOZA_INFO, "store opens");
	return 0;
}

SAMOZA_ON_PROCESS(void)
{
	char from[SAMOZA_FROM_MAX];
	int32_t size = samoza_recv_next(1000, message, sizeof(message) - 1, from, sizeof(from));

	if (size <= 0)
		return 0;
	message[size] = '\0';
	char *rest = message;
	char *tag = next_line(&rest), *verb = next_line(&rest);

	if (verb == NULL)
		return 0;
	int length = strcmp(verb, "add") == 0 ? add(tag, rest) : answer_entries(tag);

	samoza_reply(from, answer, (uint32_t)length);
	return 0;
}

SAMOZA_ON_CLOSE(void)
{
	samoza_log(SAMOZA_INFO, "store closes; every entry is durable");
	return 0;
}
