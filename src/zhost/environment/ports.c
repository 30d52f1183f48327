#include "zhost/environment/ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/str.h"
#include "base/vector.h"

#define PORTS_COUNT (PORTS_LAST - PORTS_FIRST + 1)

struct drawn {
	char *name;
	uint16_t port;
};

struct holder {
	char *id;
	VECTOR(struct drawn) drawn;
	UT_hash_handle hh;
};

struct ports {
	char *address;
	bool (*is_free)(uint16_t port);
	unsigned next; /* offset in the range */
	uint8_t taken[(PORTS_COUNT + 7) / 8];
	struct holder *holders;
};

struct ports *ports_new(const char *address, uint64_t seed, bool (*is_free)(uint16_t port))
{
	struct ports *p = mem_new(struct ports);

	p->address = mem_strdup(address);
	p->is_free = is_free;
	p->next = (unsigned)(seed % PORTS_COUNT);
	return p;
}

static void holder_free(struct ports *p, struct holder *h)
{
	HASH_DEL(p->holders, h);
	vector_for_each (&h->drawn, d) {
		free(d->name);
	}
	vector_done(&h->drawn);
	free(h->id);
	free(h);
}

void ports_free(struct ports *p)
{
	struct holder *h, *next;

	if (p == NULL)
		return;
	HASH_ITER (hh, p->holders, h, next)
		holder_free(p, h);
	free(p->address);
	free(p);
}

static bool taken_get(const struct ports *p, unsigned offset)
{
	return (p->taken[offset / 8] & (1u << offset % 8)) != 0;
}

static void taken_set(struct ports *p, uint16_t port, bool taken)
{
	unsigned offset = (unsigned)port - PORTS_FIRST;

	if (taken)
		p->taken[offset / 8] |= (uint8_t)(1u << offset % 8);
	else
		p->taken[offset / 8] &= (uint8_t) ~(1u << offset % 8);
}

static struct holder *holder_get(struct ports *p, const char *id)
{
	struct holder *h;

	HASH_FIND_STR(p->holders, id, h);
	if (h == NULL) {
		h = mem_new(struct holder);
		h->id = mem_strdup(id);
		HASH_ADD_KEYPTR(hh, p->holders, h->id, strlen(h->id), h);
	}
	return h;
}

static const struct drawn *holder_find(const struct holder *h, const char *name)
{
	vector_for_each (&h->drawn, d)
		if (strcmp(d->name, name) == 0)
			return d;
	return NULL;
}

static int draw(struct ports *p, struct holder *h, const char *name,
		const struct drawn **ret_drawn, struct error **err)
{
	for (unsigned i = 0; i < PORTS_COUNT; i++) {
		unsigned offset = (p->next + i) % PORTS_COUNT;
		uint16_t port = (uint16_t)(PORTS_FIRST + offset);

		if (taken_get(p, offset) || !p->is_free(port))
			continue;
		taken_set(p, port, true);
		p->next = (offset + 1) % PORTS_COUNT;
		vector_push(&h->drawn, ((struct drawn){mem_strdup(name), port}));
		*ret_drawn = vector_last(&h->drawn);
		return 0;
	}
	return error_set(err, ERR_LIMIT,
			 "no free port for export '%s': all ports from %d to %d are in use",
			 name, PORTS_FIRST, PORTS_LAST);
}

static Samoza__V1__Variable *variable_new(const char *name, char *value)
{
	Samoza__V1__Variable *v = mem_new(Samoza__V1__Variable);

	samoza__v1__variable__init(v);
	v->name = mem_strdup(name);
	v->value = value;
	return v;
}

int ports_fill(struct ports *p, const char *id, Samoza__V1__Variable *const *declared, size_t n,
	       Samoza__V1__Variable ***ret_exports, bool *ret_changed, struct error **err)
{
	Samoza__V1__Variable **exports = mem_new_array(Samoza__V1__Variable *, n + 1);
	bool changed = false;

	for (size_t i = 0; i < n; i++) {
		const char *name = declared[i]->name;
		char *value;

		if (declared[i]->value[0] != '\0') {
			value = mem_strdup(declared[i]->value);
		} else if (strcmp(name, "ip") == 0) {
			value = mem_strdup(p->address);
		} else {
			struct holder *h = holder_get(p, id);
			const struct drawn *d = holder_find(h, name);

			if (d == NULL) {
				int r = draw(p, h, name, &d, err);

				if (r < 0) {
					ports_exports_free(exports, i);
					return r;
				}
				changed = true;
			}
			value = str_printf("%u", (unsigned)d->port);
		}
		exports[i] = variable_new(name, value);
	}
	*ret_exports = exports;
	*ret_changed = changed;
	return 0;
}

void ports_exports_free(Samoza__V1__Variable **exports, size_t n)
{
	for (size_t i = 0; exports != NULL && i < n; i++) {
		free(exports[i]->name);
		free(exports[i]->value);
		free(exports[i]);
	}
	free(exports);
}

char *ports_record(const struct ports *p, const char *id)
{
	struct buffer b = BUFFER_INIT(1024 * 1024);
	struct holder *h;

	HASH_FIND_STR(p->holders, id, h);
	if (h == NULL || h->drawn.count == 0)
		return NULL;
	vector_for_each (&h->drawn, d) {
		(void)buffer_printf(&b, "%s%s=%u", b.size > 0 ? " " : "", d->name,
				    (unsigned)d->port);
	}
	return buffer_steal(&b);
}

int ports_load(struct ports *p, const char *id, const char *record, struct error **err)
{
	CLEANUP(freep) char *copy = mem_strdup(record);
	char *rest = copy;
	struct holder *h = holder_get(p, id);

	for (char *item; (item = strtok_r(rest, " ", &rest)) != NULL;) {
		char *equals = strchr(item, '=');
		uint64_t port;

		if (equals == NULL || str_to_u64(equals + 1, &port) < 0 || port < PORTS_FIRST ||
		    port > PORTS_LAST)
			return error_set(err, ERR_INVALID, "ports of %s: '%s' is not NAME=PORT",
					 id, item);
		*equals = '\0';
		taken_set(p, (uint16_t)port, true);
		vector_push(&h->drawn, ((struct drawn){mem_strdup(item), (uint16_t)port}));
	}
	return 0;
}

bool ports_rename(struct ports *p, const char *from, const char *to)
{
	struct holder *h, *other;

	HASH_FIND_STR(p->holders, from, h);
	HASH_FIND_STR(p->holders, to, other);
	if (h == NULL || other != NULL)
		return false;
	HASH_DEL(p->holders, h);
	free(h->id);
	h->id = mem_strdup(to);
	HASH_ADD_KEYPTR(hh, p->holders, h->id, strlen(h->id), h);
	return true;
}

void ports_drop_taken(struct ports *p, const char *id, bool (*is_taken)(uint16_t port))
{
	struct holder *h;
	size_t kept = 0;

	HASH_FIND_STR(p->holders, id, h);
	if (h == NULL)
		return;
	vector_for_each (&h->drawn, d) {
		if (is_taken(d->port)) {
			taken_set(p, d->port, false);
			free(d->name);
		} else {
			h->drawn.items[kept++] = *d;
		}
	}
	h->drawn.count = kept;
}

bool ports_release(struct ports *p, const char *id)
{
	struct holder *h;

	HASH_FIND_STR(p->holders, id, h);
	if (h == NULL)
		return false;
	vector_for_each (&h->drawn, d) {
		taken_set(p, d->port, false);
	}
	holder_free(p, h);
	return true;
}

static bool can_bind(uint16_t port, bool beside_old)
{
	CLEANUP(closep) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons(port),
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int on = beside_old;

	return fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	       bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
}

bool ports_is_free(uint16_t port)
{
	return can_bind(port, false);
}

/* With SO_REUSEADDR connections that the instance itself had are not in the way. */
bool ports_is_taken(uint16_t port)
{
	return !can_bind(port, true) && errno == EADDRINUSE;
}
