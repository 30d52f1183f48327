#include "zsim/world/authority.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "base/str.h"
#include "schema/message.h"

#define CERTIFICATE "a certificate"

void sim_authority_init(struct sim_authority *a, uint32_t number)
{
	*a = (struct sim_authority){.pin = {(uint8_t)number, (uint8_t)(number >> 8)}};
	samoza__v1__authority_record__init(&a->record);
	a->record.number = number;
	a->record.pin = (ProtobufCBinaryData){sizeof(a->pin), a->pin};
	a->record.certificate = (char *)(uintptr_t)CERTIFICATE;
}

uint32_t sim_authority_next(const struct control *control)
{
	const Samoza__V1__AuthoritiesRecord *r =
		control != NULL ? control_authorities(control) : NULL;
	return r != NULL ? r->newest + 1 : 2;
}

char *sim_authorities_text(const struct control *control)
{
	struct sim_authority first;
	struct buffer text = BUFFER_INIT(64 * 1024);
	sim_authority_init(&first, 1);
	Samoza__V1__AuthorityListView *list = control_view_authorities(control, &first.record);
	for (size_t k = 0; k < list->n_authorities; k++) {
		const Samoza__V1__AuthorityView *a = list->authorities[k];
		(void)buffer_printf(&text, "%s%u%s ", str_equal(a->state, "former") ? "-" : "",
				    a->number, str_equal(a->state, "signs") ? "*" : "");
	}
	(void)buffer_printf(&text, "%s%s", list->rotation,
			    list->n_missing > 0 ? ", missing" : "");
	for (size_t k = 0; k < list->n_missing; k++)
		(void)buffer_printf(&text, " %s", list->missing[k]);
	schema_message_free(list);
	return buffer_steal(&text);
}
