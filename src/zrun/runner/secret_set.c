#include "zrun/runner/secret_set.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zrun/protocol/protocol.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#define ON_FAULT 1u /* MLOCK_ONFAULT */

/* One after the other: struct zrun_secret, key, value, a zero byte. */
#define AREA_SIZE                   \
	((size_t)ZRUN_SECRETS_MAX * \
	 (sizeof(struct zrun_secret) + ZRUN_SECRET_KEY_MAX + ZRUN_SECRET_MAX + 1))

struct area {
	char *data; /* NULL: there is no memory */
	size_t size;
	unsigned count;
};

static struct area now, staged;

/* ---- memory ---- */

static void clear(struct area *a)
{
	if (a->size > 0)
		explicit_bzero(a->data, a->size);
	a->size = 0;
	a->count = 0;
}

static void reserve(struct area *a)
{
	void *data = mmap(NULL, AREA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (data == MAP_FAILED)
		return;
	/* Where the user may lock nothing it may be swapped out, as what its programs have. */
	(void)syscall(SYS_mlock2, data, AREA_SIZE, ON_FAULT);
	(void)madvise(data, AREA_SIZE, MADV_DONTDUMP);
	(void)madvise(data, AREA_SIZE, MADV_WIPEONFORK);
	a->data = data;
}

void secrets_open(void)
{
	reserve(&now);
	reserve(&staged);
}

void secrets_wipe(void)
{
	clear(&now);
	clear(&staged);
}

bool secrets_any(void)
{
	return now.count > 0;
}

/* ---- areas ---- */

struct entry {
	const char *key, *value;
	size_t key_size, size;
};

static bool next(const struct area *a, size_t *at, struct entry *ret)
{
	struct zrun_secret head;

	if (*at >= a->size)
		return false;
	memcpy(&head, a->data + *at, sizeof(head));
	ret->key = a->data + *at + sizeof(head);
	ret->key_size = head.key_size;
	ret->value = ret->key + head.key_size;
	ret->size = head.value_size;
	*at += sizeof(head) + head.key_size + head.value_size + 1;
	return true;
}

static bool find(const struct area *a, const char *key, size_t key_size, struct entry *ret)
{
	for (size_t at = 0; next(a, &at, ret);)
		if (ret->key_size == key_size && memcmp(ret->key, key, key_size) == 0)
			return true;
	return false;
}

static bool add(struct area *a, const char *key, size_t key_size, const void *value,
		size_t size)
{
	struct zrun_secret head = {.key_size = (uint16_t)key_size,
				   .value_size = (uint32_t)size};

	if (a->data == NULL || a->count == ZRUN_SECRETS_MAX || key_size > ZRUN_SECRET_KEY_MAX ||
	    size > ZRUN_SECRET_MAX)
		return false;
	char *to = a->data + a->size;
	to = mempcpy(to, &head, sizeof(head));
	to = mempcpy(to, key, key_size);
	to = mempcpy(to, value, size);
	*to++ = '\0';
	a->size = (size_t)(to - a->data);
	a->count++;
	return true;
}

/* ---- what comes ---- */

bool secrets_stage(const char *key, size_t key_size, const void *value, size_t size)
{
	return add(&staged, key, key_size, value, size);
}

void secrets_unstage(void)
{
	clear(&staged);
}

static bool read_whole(int fd, void *to, size_t size)
{
	char *at = to;

	while (size > 0) {
		ssize_t n = read(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		at += n;
		size -= (size_t)n;
	}
	return true;
}

/* Where it is to be: what is read comes into no other memory. */
static bool read_one(int fd, const struct zrun_secret *head)
{
	if (staged.data == NULL || staged.count == ZRUN_SECRETS_MAX ||
	    head->key_size > ZRUN_SECRET_KEY_MAX || head->value_size > ZRUN_SECRET_MAX)
		return false;
	char *to = staged.data + staged.size;
	to = mempcpy(to, head, sizeof(*head));
	if (!read_whole(fd, to, (size_t)head->key_size + head->value_size))
		return false;
	to += (size_t)head->key_size + head->value_size;
	*to++ = '\0';
	staged.size = (size_t)(to - staged.data);
	staged.count++;
	return true;
}

bool secrets_read(int fd)
{
	struct zrun_secret head;
	bool ok = true;
	ssize_t n = 0;

	while (ok) {
		n = read(fd, &head, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		ok = read_whole(fd, (char *)&head + 1, sizeof(head) - 1) && read_one(fd, &head);
	}
	close(fd);
	return ok && n == 0;
}

static bool names_secret(const char *name)
{
	return strncmp(name, SECRET_ENV, strlen(SECRET_ENV)) == 0 ||
	       strncmp(name, SECRET_FILE, strlen(SECRET_FILE)) == 0;
}

bool secrets_settle(const struct import_set *set)
{
	const char *at = set->data;
	struct area before;
	struct entry e;

	for (uint32_t n = 0; n < set->count; n++) {
		const char *key = at + strlen(at) + 1;

		if (names_secret(at) && !find(&staged, key, strlen(key), &e) &&
		    (!find(&now, key, strlen(key), &e) ||
		     !add(&staged, e.key, e.key_size, e.value, e.size))) {
			clear(&staged);
			return false;
		}
		at = key + strlen(key) + 1;
	}
	before = now;
	now = staged;
	staged = before;
	clear(&staged);
	return true;
}

/* ---- reading ---- */

const char *secrets_value(const char *key, size_t *ret_size)
{
	struct entry e;

	if (!find(&now, key, strlen(key), &e))
		return NULL;
	*ret_size = e.size;
	return e.value;
}

const char *secrets_of(const struct import_set *set, const char *name, size_t name_size,
		       size_t *ret_size)
{
	size_t size;
	const char *key = import_value(set, name, name_size, &size);

	return key != NULL ? secrets_value(key, ret_size) : NULL;
}
