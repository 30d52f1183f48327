/*
 * port/kv.h on SQLite: one file, one thread, group commit.
 *
 *   data(owner, key, value)      (data_table.h)
 */
#ifndef SAMOZA_ADAPTER_SQLITE_KV_H
#define SAMOZA_ADAPTER_SQLITE_KV_H

#include "adapter/uv/loop.h"
#include "port/kv.h"
#include "port/scheme.h"

/* Creates the file where there is none. Errors as database_open(). */
int sqlite_kv_open(struct loop *loop, const char *path, struct kv **ret_kv,
		   struct error **err) must_check;

/* As sqlite_store_retry_for(). */
void sqlite_kv_retry_for(struct kv *kv, int64_t ms);

/* sqlite:DIR, what a zhost keeps in DIR/zhost.db. */
int sqlite_kv_open_dir(struct loop *loop, const char *dir, struct kv **ret_kv,
		       struct error **err) must_check;

#endif
