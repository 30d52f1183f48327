#include "adapter/config/value.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "model/quantity.h"

size_t config_option_count(const struct config_program *program)
{
	size_t n = 0;

	while (program->options[n].help != NULL)
		n++;
	return n;
}

static bool is_loopback(const char *host)
{
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, host, &v6) == 1)
		return IN6_IS_ADDR_LOOPBACK(&v6);
	return false;
}

static bool is_address(const char *host)
{
	unsigned char any[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, any) == 1 || inet_pton(AF_INET6, host, any) == 1;
}

/* Splits "HOST:PORT" and "[HOST]:PORT". */
static int split(const char *text, char *host, size_t host_size, uint64_t *ret_port)
{
	const char *colon = strrchr(text, ':');
	const char *begin = text;
	size_t length;

	if (colon == NULL || str_to_u64(colon + 1, ret_port) < 0 || *ret_port > 65535)
		return -1;
	length = (size_t)(colon - text);
	if (length >= 2 && text[0] == '[' && colon[-1] == ']') {
		begin++;
		length -= 2;
	} else if (memchr(text, ':', length) != NULL) {
		return -1; /* an IPv6 address needs its brackets */
	}
	if (length == 0 || length >= host_size)
		return -1;
	memcpy(host, begin, length);
	host[length] = '\0';
	return 0;
}

int config_address_parse(const char *text, struct config_address *ret_address,
			 struct error **err)
{
	struct config_address address = {0};
	uint64_t port;

	if (split(text, address.host, sizeof(address.host), &port) < 0)
		return error_set(
			err, ERR_INVALID,
			"'%s' is not an address: expected ADDRESS:PORT such as 127.0.0.1:7331",
			text);
	if (str_equal(address.host, "localhost"))
		(void)snprintf(address.host, sizeof(address.host), "127.0.0.1");
	if (!is_address(address.host))
		return error_set(err, ERR_INVALID,
				 "'%s' is not an address of this machine: expected a number "
				 "such as 127.0.0.1, or localhost",
				 address.host);
	if (!is_loopback(address.host))
		return error_set(
			err, ERR_DENIED,
			"%s can be reached from other machines, and there is no access "
			"control yet: listen on a loopback address such as "
			"127.0.0.1:%" PRIu64,
			address.host, port);
	address.port = (uint16_t)port;
	*ret_address = address;
	return 0;
}

char *config_address_text(const struct config_address *address)
{
	if (strchr(address->host, ':') != NULL)
		return str_printf("[%s]:%u", address->host, address->port);
	return str_printf("%s:%u", address->host, address->port);
}

/* "http://HOST:PORT", optionally with / behind it, which is dropped. */
static int url_parse(const char *text, char **ret_url, struct error **err)
{
	static const char scheme[] = "http://";
	char host[256];
	uint64_t port;
	char *url = NULL;

	if (str_has_prefix(text, scheme)) {
		url = mem_strdup(text);
		if (str_has_suffix(url, "/"))
			url[strlen(url) - 1] = '\0';
		if (split(url + strlen(scheme), host, sizeof(host), &port) == 0 && port > 0 &&
		    strpbrk(host, "/?#@ \t") == NULL) {
			*ret_url = url;
			return 0;
		}
		free(url);
	}
	return error_set(
		err, ERR_INVALID,
		"'%s' is not an address of a service: expected http://HOST:PORT such as "
		"http://127.0.0.1:7331",
		text);
}

static int check_range(const struct config_option *o, const char *text, uint64_t value,
		       struct error **err)
{
	CLEANUP(freep) char *range = NULL;

	if (o->max == 0 || (value >= o->min && value <= o->max))
		return 0;
	range = config_value_range(o);
	return error_set(err, ERR_INVALID, "%s is out of range: expected %s", text, range);
}

static int number_parse(const struct config_option *o, const char *text, uint64_t *ret_value,
			struct error **err)
{
	uint64_t value;
	int r;

	if (o->type == CONFIG_DURATION) {
		r = duration_parse(text, &value, err);
	} else if (o->type == CONFIG_SIZE) {
		r = memory_parse(text, &value, err);
	} else {
		r = str_to_u64(text, &value);
		if (r < 0 || value > UINT32_MAX)
			return error_set(err, ERR_INVALID,
					 "'%s' is not a number: expected 0 to %" PRIu32, text,
					 UINT32_MAX);
	}
	if (r < 0)
		return r;
	r = check_range(o, text, value, err);
	if (r < 0)
		return r;
	*ret_value = value;
	return 0;
}

static int bool_parse(const char *text, bool *ret_value, struct error **err)
{
	if (!str_equal(text, "true") && !str_equal(text, "false"))
		return error_set(err, ERR_INVALID, "'%s' is neither true nor false", text);
	*ret_value = str_equal(text, "true");
	return 0;
}

static int choice_check(const struct config_option *o, const char *text, struct error **err)
{
	CLEANUP(buffer_done) struct buffer all = BUFFER_INIT(4096);

	for (const char *const *c = o->choices; *c != NULL; c++) {
		if (str_equal(*c, text))
			return 0;
		(void)buffer_printf(&all, "%s%s", c == o->choices ? "" : ", ", *c);
	}
	return error_set(err, ERR_INVALID, "'%s' is none of: %s", text, all.data);
}

static void set_string(void *field, char *owned)
{
	char **s = field;

	free(*s);
	*s = owned;
}

int config_value_set(const struct config_option *o, void *settings, const char *text,
		     struct error **err)
{
	void *field = (char *)settings + o->offset;
	uint64_t number = 0;
	char *url = NULL;
	int r = 0;

	switch (o->type) {
	case CONFIG_STRING:
	case CONFIG_PATH:
		if (o->type == CONFIG_PATH && text[0] == '\0')
			return error_set(err, ERR_INVALID, "the name of a file is empty");
		set_string(field, mem_strdup(text));
		return 0;
	case CONFIG_CHOICE:
		r = choice_check(o, text, err);
		if (r == 0)
			set_string(field, mem_strdup(text));
		return r;
	case CONFIG_URL:
		r = url_parse(text, &url, err);
		if (r == 0)
			set_string(field, url);
		return r;
	case CONFIG_BOOL:
		return bool_parse(text, field, err);
	case CONFIG_LISTEN:
		return config_address_parse(text, field, err);
	case CONFIG_U32:
	case CONFIG_DURATION:
	case CONFIG_SIZE:
		r = number_parse(o, text, &number, err);
		if (r < 0)
			return r;
		if (o->type == CONFIG_U32)
			*(uint32_t *)field = (uint32_t)number;
		else if (o->type == CONFIG_DURATION)
			*(int64_t *)field = (int64_t)number;
		else
			*(uint64_t *)field = number;
		return 0;
	}
	IMPOSSIBLE("type of an option");
}

char *config_value_text(const struct config_option *o, const void *settings)
{
	const void *field = (const char *)settings + o->offset;

	switch (o->type) {
	case CONFIG_STRING:
	case CONFIG_PATH:
	case CONFIG_CHOICE:
	case CONFIG_URL:
		return mem_strdup(*(char *const *)field);
	case CONFIG_BOOL:
		return mem_strdup(*(const bool *)field ? "true" : "false");
	case CONFIG_LISTEN:
		if (((const struct config_address *)field)->host[0] == '\0')
			return NULL;
		return config_address_text(field);
	case CONFIG_U32:
		return str_printf("%" PRIu32, *(const uint32_t *)field);
	case CONFIG_DURATION:
		return duration_format((uint64_t) * (const int64_t *)field);
	case CONFIG_SIZE:
		return memory_format(*(const uint64_t *)field);
	}
	IMPOSSIBLE("type of an option");
}

void config_value_done(const struct config_option *o, void *settings)
{
	if (o->type == CONFIG_STRING || o->type == CONFIG_PATH || o->type == CONFIG_CHOICE ||
	    o->type == CONFIG_URL)
		set_string((char *)settings + o->offset, NULL);
}

const char *config_value_name(const struct config_option *o)
{
	static const char *const names[] = {
		[CONFIG_STRING] = "TEXT",
		[CONFIG_PATH] = "FILE",
		[CONFIG_U32] = "N",
		[CONFIG_DURATION] = "TIME",
		[CONFIG_SIZE] = "SIZE",
		[CONFIG_BOOL] = "BOOL",
		[CONFIG_LISTEN] = "ADDRESS:PORT",
		[CONFIG_URL] = "URL",
		[CONFIG_CHOICE] = "WORD",
	};

	return o->value != NULL ? o->value : names[o->type];
}

char *config_value_range(const struct config_option *o)
{
	CLEANUP(freep) char *min = NULL;
	CLEANUP(freep) char *max = NULL;

	if (o->max == 0)
		return NULL;
	if (o->type == CONFIG_DURATION) {
		min = duration_format(o->min);
		max = duration_format(o->max);
	} else if (o->type == CONFIG_SIZE) {
		min = memory_format(o->min);
		max = memory_format(o->max);
	} else {
		min = str_printf("%" PRIu64, o->min);
		max = str_printf("%" PRIu64, o->max);
	}
	return str_printf("%s to %s", min, max);
}
