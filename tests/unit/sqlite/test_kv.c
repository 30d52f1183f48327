/* adapter/sqlite/kv.h */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "adapter/sqlite/kv.h"
#include "folder.h"

struct waited {
	bool done;
	int code, statuses[4];
	char value[32];
};

static void applied(void *user, int code, const struct error *error,
		    struct data_answer *answers, size_t count)
{
	(void)error;
	struct waited *w = user;
	for (size_t i = 0; i < count; i++) {
		w->statuses[i] = answers[i].status;
		if (answers[i].value != NULL)
			memcpy(w->value, answers[i].value, answers[i].value_size);
	}
	w->code = code;
	w->done = true;
}

static struct data_change change(Samoza__V1__DataOperation operation, const char *key,
				 const char *value)
{
	return (struct data_change){.owner = (char *)(uintptr_t) "shop/store",
				    .operation = operation,
				    .key = (char *)(uintptr_t)key,
				    .key_size = strlen(key),
				    .value = (char *)(uintptr_t)value,
				    .value_size = value != NULL ? strlen(value) : 0};
}

static void closed(void *user)
{
	*(bool *)user = true;
}

static int value_seen(void *user, const void *key, size_t key_size, const void *value,
		      size_t value_size, struct error **err)
{
	(void)err;
	char *text = user;
	(void)strncat(text, key, key_size);
	(void)strcat(text, "=");
	(void)strncat(text, value, value_size);
	(void)strcat(text, " ");
	return 0;
}

static void kv_end(struct loop *loop, struct kv *kv)
{
	bool done = false;
	kv_close(kv, closed, &done);
	loop_until(loop, &done);
}

static void values_survive_a_restart_and_can_be_deleted(void **state)
{
	CLEANUP(freep) char *folder = folder_new();
	CLEANUP(freep) char *path = folder_file(folder, "kv.db");
	struct loop loop;
	struct kv *kv = NULL;
	assert_int_equal(loop_init(&loop, NULL), 0);
	assert_int_equal(kv_open(&loop, path, &kv, NULL), 0);
	const struct data_change all[] = {
		change(SAMOZA__V1__DATA_OPERATION__DATA_PUT, "b", "2"),
		change(SAMOZA__V1__DATA_OPERATION__DATA_PUT, "a", "1"),
		change(SAMOZA__V1__DATA_OPERATION__DATA_GET, "a", NULL),
		change(SAMOZA__V1__DATA_OPERATION__DATA_GET, "c", NULL),
	};
	struct waited w = {0};
	kv_apply(kv, all, 4, applied, &w);
	loop_until(&loop, &w.done);
	assert_int_equal(w.code, 0);
	assert_int_equal(w.statuses[2], 0);
	assert_string_equal(w.value, "1");
	assert_int_equal(w.statuses[3], -ENOENT);
	kv_end(&loop, kv);

	assert_int_equal(kv_open(&loop, path, &kv, NULL), 0);
	char text[64] = "";
	assert_int_equal(kv_load(kv, "shop/store", value_seen, text, NULL), 0);
	assert_string_equal(text, "a=1 b=2 ");
	w = (struct waited){0};
	kv_forget(kv, "shop", applied, &w);
	loop_until(&loop, &w.done);
	kv_end(&loop, kv);

	assert_int_equal(kv_open(&loop, path, &kv, NULL), 0);
	text[0] = '\0';
	assert_int_equal(kv_load(kv, "shop/store", value_seen, text, NULL), 0);
	assert_string_equal(text, "");
	kv_end(&loop, kv);
	loop_done(&loop);
	folder_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_survive_a_restart_and_can_be_deleted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
