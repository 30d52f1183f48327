/*
 * Implementations of a port by the scheme of a URL: "sqlite:DIR". A program has one table of those
 * that it is linked with.
 */
#ifndef SAMOZA_PORT_SCHEME_H
#define SAMOZA_PORT_SCHEME_H

#include <stddef.h>

#include "base/error.h"
#include "port/kv.h"
#include "port/store.h"

struct loop;

struct store_scheme {
	const char *name; /* "sqlite" */
	const char *form; /* for messages: "sqlite:DIR" */
	/* `where`: what follows the colon. Callbacks come from `loop`. */
	int (*open)(struct loop *loop, const char *where, struct store **ret_store,
		    struct error **err);
};

struct kv_scheme {
	const char *name, *form;
	int (*open)(struct loop *loop, const char *where, struct kv **ret_kv,
		    struct error **err);
};

/* ERR_INVALID: no scheme of the table; the message lists those that there are. Other errors are
 * those of the implementation. */
int store_open(const struct store_scheme *schemes, size_t count, struct loop *loop,
	       const char *url, struct store **ret_store, struct error **err) must_check;
int kv_open(const struct kv_scheme *schemes, size_t count, struct loop *loop, const char *url,
	    struct kv **ret_kv, struct error **err) must_check;

#endif
