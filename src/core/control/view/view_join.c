#include <stdlib.h>

#include "base/memory.h"
#include "core/control/control.h"
#include "core/control/state/iso8601.h"
#include "core/control/state/state.h"
#include "schema/message.h"

static Samoza__V1__VariableView **labels_view(Samoza__V1__LabelRecord *const *labels,
					      size_t count)
{
	Samoza__V1__VariableView **list = mem_new_array(Samoza__V1__VariableView *, count + 1);
	for (size_t k = 0; k < count; k++) {
		list[k] = (Samoza__V1__VariableView *)schema_message_new(
			&samoza__v1__variable_view__descriptor);
		schema_set_string(&list[k]->name, NULL, labels[k]->name);
		schema_set_string(&list[k]->value, NULL, labels[k]->value);
	}
	return list;
}

static Samoza__V1__JoinTokenView *token_view(const Samoza__V1__JoinTokenRecord *r)
{
	Samoza__V1__JoinTokenView *v = (Samoza__V1__JoinTokenView *)schema_message_new(
		&samoza__v1__join_token_view__descriptor);
	v->id = mem_strdup(r->id);
	v->created = iso8601_text(r->created_ms);
	v->created_by = mem_strdup(r->created_by);
	v->expires = iso8601_text(r->expires_ms);
	v->uses = r->uses;
	v->used = r->used;
	v->name = mem_strdup(r->pattern);
	v->labels = labels_view(r->labels, r->n_labels);
	v->n_labels = r->n_labels;
	return v;
}

Samoza__V1__JoinTokenListView *control_view_join_tokens(const struct control *c)
{
	Samoza__V1__JoinTokenListView *list =
		(Samoza__V1__JoinTokenListView *)schema_message_new(
			&samoza__v1__join_token_list_view__descriptor);
	struct issued_token **all = join_tokens_sorted(&c->join_tokens);
	list->tokens = mem_new_array(Samoza__V1__JoinTokenView *,
				     HASH_COUNT(c->join_tokens.by_id) + 1);
	for (struct issued_token **item = all; *item != NULL; item++)
		list->tokens[list->n_tokens++] = token_view((*item)->record);
	free(all);
	return list;
}

int control_view_join_token(const struct control *c, const char *id,
			    Samoza__V1__JoinTokenView **ret_view, struct error **err)
{
	const struct issued_token *token = join_tokens_find(&c->join_tokens, id);
	if (token == NULL)
		return error_set(err, ERR_NOT_FOUND, "no join token %s", id);
	*ret_view = token_view(token->record);
	return 0;
}

const Samoza__V1__IdentityRecord *control_identity(const struct control *c, const char *name)
{
	const struct identity *found = identities_find(&c->identities, name);
	return found != NULL && !identity_is_removed(found) ? found->record : NULL;
}

bool control_admits(const struct control *c, const char *name,
		    const uint8_t key[IDENTITY_KEY_SIZE])
{
	return identities_admit(&c->identities, name, key);
}

bool control_may_have_forgotten(const struct control *c, const char *name,
				int64_t issued_wall_ms, int64_t wall_ms)
{
	return identities_may_have_forgotten(&c->identities, name, issued_wall_ms, wall_ms);
}
