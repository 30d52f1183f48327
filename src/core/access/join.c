#include "core/access/join.h"

#include <string.h>

#include "base/memory.h"
#include "base/str.h"
#include "core/access/access.h"
#include "model/zhost.h"

/* What is to be done about every token that does not open. */
#define ANOTHER "ask for another one on the cluster's side: zshell cluster token create"

static bool has_joined(const struct identity *identity, const struct join_request *request)
{
	return identity != NULL && !identity_is_removed(identity) &&
	       str_equal(identity->record->token, request->token) &&
	       memcmp(identity->record->key.data, request->key, IDENTITY_KEY_SIZE) == 0;
}

static int check_token(const Samoza__V1__JoinTokenRecord *token,
		       const struct join_request *request, int64_t wall_ms, struct error **err)
{
	if (token->expires_ms <= wall_ms)
		return error_set(err, ERR_DENIED,
				 "the join token has expired %lld minutes ago, by the clock of "
				 "zrms; " ANOTHER,
				 (long long)((wall_ms - token->expires_ms) / 60000));
	if (token->used >= token->uses)
		return error_set(err, ERR_DENIED,
				 "the join token is used up: it was for %u machine%s; " ANOTHER,
				 token->uses, token->uses == 1 ? "" : "s");
	if (token->pattern != NULL && !access_pattern_matches(token->pattern, request->name))
		return error_set(err, ERR_DENIED,
				 "the join token is for names such as '%s', not for '%s'; join "
				 "under such a name with --name, or " ANOTHER,
				 token->pattern, request->name);
	return 0;
}

static int check_name(const Samoza__V1__JoinTokenRecord *token, const struct identity *before,
		      const struct join_request *request, bool is_known, struct error **err)
{
	bool lives = is_known || (before != NULL && !identity_is_removed(before));
	if (lives && !request->replace)
		return error_set(
			err, ERR_CONFLICT,
			"there is a zhost %s: join under another --name or, if this "
			"machine is to take its place, with a fresh token and --replace",
			request->name);
	if (before != NULL && token->number < before->record->number)
		return error_set(err, ERR_DENIED,
				 "the join token is older than the last joining or removal of "
				 "%s: to join under that name, " ANOTHER,
				 request->name);
	return 0;
}

int join_decide(const struct join_tokens *tokens, const struct identities *identities,
		const struct join_request *request, bool is_known, int64_t wall_ms,
		enum join_decision *ret_decision, struct error **err)
{
	const struct issued_token *token =
		join_tokens_find_secret(tokens, request->token, request->secret);
	if (token == NULL)
		return error_set(err, ERR_DENIED,
				 "the join token is not known here: it was revoked, is "
				 "forgotten since it expired, or belongs to another "
				 "cluster; " ANOTHER);
	if (!zhost_name_is_valid(request->name))
		return error_set(err, ERR_INVALID,
				 "'%s' is no name of a zhost: choose another --name",
				 request->name);
	const struct identity *before = identities_find(identities, request->name);
	if (has_joined(before, request)) {
		*ret_decision = JOIN_REPEATED;
		return 0;
	}
	int r = check_token(token->record, request, wall_ms, err);
	if (r == 0)
		r = check_name(token->record, before, request, is_known, err);
	if (r < 0)
		return r;
	*ret_decision = JOIN_GRANTED;
	return 0;
}
