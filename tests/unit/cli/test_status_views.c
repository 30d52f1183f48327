/* What zshell prints as the status of something has every field of the view that zrms answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "proto/view.pb-c.h"

static void a_status_has_every_field_of_its_view(void **state)
{
	static const struct {
		const ProtobufCMessageDescriptor *view, *status;
	} pairs[] = {
		{&samoza__v1__topology_view__descriptor,
		 &samoza__v1__topology_status_view__descriptor},
		{&samoza__v1__space_view__descriptor,
		 &samoza__v1__space_status_view__descriptor},
		{&samoza__v1__zhost_view__descriptor,
		 &samoza__v1__zhost_status_view__descriptor},
	};
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		for (unsigned k = 0; k < pairs[i].view->n_fields; k++) {
			const ProtobufCFieldDescriptor *field = &pairs[i].view->fields[k];
			const ProtobufCFieldDescriptor *same =
				protobuf_c_message_descriptor_get_field(pairs[i].status,
									field->id);
			if (same == NULL)
				fail_msg("%s has no %s", pairs[i].status->name, field->name);
			assert_string_equal(same->name, field->name);
			assert_int_equal(same->label, field->label);
			assert_int_equal(same->type, field->type);
			assert_ptr_equal(same->descriptor, field->descriptor);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_status_has_every_field_of_its_view),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
