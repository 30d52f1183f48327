#include "zhost/log/spacelog_search.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/vector.h"
#include "zhost/log/spacelog.h"

#define BLOCK	     ((size_t)64 * 1024)
#define LINE_LONGEST ((size_t)64 * 1024) /* what is longer was not written by us */
/* Clocks are set back: so much before the time that is asked for, nothing later is expected any more. */
#define CLOCK_STEP_MS 60000

struct reading {
	const struct spacelog_search *search;
	char since[SPACELOG_TIME_SIZE + 1], long_before[SPACELOG_TIME_SIZE + 1];
	VECTOR(char *) lines; /* newest first, each with its line feed */
	size_t bytes, room;   /* of these; the most */
	size_t scanned;
};

void spacelog_file_name(const char *name, unsigned age, char *ret, size_t size)
{
	if (age == 0)
		(void)snprintf(ret, size, "%s.log", name);
	else
		(void)snprintf(ret, size, "%s.log.%u", name, age);
}

bool spacelog_line_has(const char *line, const char *text)
{
	size_t size = strlen(line);

	if (text == NULL || text[0] == '\0')
		return true;
	return size >= SPACELOG_HEAD_SIZE && strstr(line + SPACELOG_HEAD_SIZE, text) != NULL;
}

static void time_text(int64_t wall_ms, char ret[SPACELOG_TIME_SIZE + 1])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char text[64], millis[16];

	gmtime_r(&seconds, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(millis, sizeof(millis), ".%03dZ", (int)(wall_ms % 1000));
	(void)strcat(text, millis);
	text[SPACELOG_TIME_SIZE] = '\0';
	memcpy(ret, text, SPACELOG_TIME_SIZE + 1);
}

/* false: nothing before it is asked for. `line` has no line feed, and a byte of its own after it. */
static bool take_line(struct reading *r, char *line, size_t size)
{
	char after = line[size];
	bool wanted = true, goes_on = true;

	line[size] = '\0';
	if (r->search->since_ms > 0 && size >= SPACELOG_TIME_SIZE) {
		goes_on = strncmp(line, r->long_before, SPACELOG_TIME_SIZE) >= 0;
		wanted = strncmp(line, r->since, SPACELOG_TIME_SIZE) >= 0;
	}
	if (wanted && spacelog_line_has(line, r->search->text)) {
		if (r->bytes + size + 1 > r->room) {
			goes_on = false;
		} else {
			char *copy = mem_new_array(char, size + 2);

			memcpy(copy, line, size);
			copy[size] = '\n';
			vector_push(&r->lines, copy);
			r->bytes += size + 1;
		}
	}
	line[size] = after;
	return goes_on && r->lines.count < r->search->lines;
}

/* false: enough. The last line of a file may have no line feed: its zhost ended while it wrote. */
static bool take_file(struct reading *r, int fd, off_t size)
{
	CLEANUP(freep) char *block = mem_new_array(char, BLOCK + LINE_LONGEST + 1);
	off_t at = size; /* of block[0] in the file */
	size_t have = 0;

	for (;;) {
		size_t part = at < (off_t)BLOCK ? (size_t)at : BLOCK;

		while (have > 0) {
			size_t end = block[have - 1] == '\n' ? have - 1 : have;
			const char *feed = memrchr(block, '\n', end);
			size_t begin = feed != NULL ? (size_t)(feed - block) + 1 : 0;

			if (feed == NULL && at > 0)
				break; /* its beginning is in the block before */
			if (end > begin && !take_line(r, block + begin, end - begin))
				return false;
			have = begin;
		}
		if (at == 0 || r->scanned >= SPACELOG_SCAN_BYTES)
			return at == 0;
		if (have > LINE_LONGEST)
			have = 0;
		memmove(block + part, block, have);
		if (pread(fd, block, part, at - (off_t)part) != (ssize_t)part)
			return false;
		at -= (off_t)part;
		have += part;
		r->scanned += part;
	}
}

size_t spacelog_search(int log_fd, const char *name, const struct spacelog_search *search,
		       struct buffer *to)
{
	struct spacelog_search bounded = *search;
	struct reading r = {.search = &bounded, .room = to->max - to->size};
	bool goes_on = bounded.lines > 0;
	size_t count;

	if (bounded.lines > SPACELOG_TAIL_MAX)
		bounded.lines = SPACELOG_TAIL_MAX;
	time_text(search->since_ms, r.since);
	time_text(search->since_ms > CLOCK_STEP_MS ? search->since_ms - CLOCK_STEP_MS : 0,
		  r.long_before);
	for (unsigned age = 0; goes_on && age < SPACELOG_FILES; age++) {
		char file[64];

		spacelog_file_name(name, age, file, sizeof(file));
		CLEANUP(closep) int fd = openat(log_fd, file, O_RDONLY | O_CLOEXEC);
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
			goes_on = take_file(&r, fd, st.st_size);
	}
	count = r.lines.count;
	for (size_t i = count; i-- > 0;) {
		(void)buffer_add_string(to, r.lines.items[i]);
		free(r.lines.items[i]);
	}
	vector_done(&r.lines);
	return count;
}
