#include "zhost/uplink/token_source.h"

#include "adapter/log/log.h"
#include "adapter/token/known_cluster.h"
#include "adapter/token/token.h"
#include "base/memory.h"
#include "base/str.h"

static int read_token(const struct token_source *source, char **ret_token, struct error **err)
{
	CLEANUP(freep) char *own = str_printf("%s/credentials/zhost", source->dir);
	CLEANUP(error_freep) struct error *why = NULL;
	if (source->file != NULL)
		return token_read(source->file, ret_token, err);
	int r = token_read(own, ret_token, &why);
	if (r == ERR_NOT_FOUND)
		return known_token(source->zrms_url, NULL, ret_token, err);
	return r < 0 ? error_move(err, steal_ptr(&why)) : 0;
}

char *token_source_read(struct token_source *source)
{
	CLEANUP(error_freep) struct error *err = NULL;
	char *token = NULL;
	if (source == NULL)
		return NULL;
	if (read_token(source, &token, &err) < 0 && !source->was_told)
		log_warn("link", "token.unread", LOG_E(err));
	source->was_told = err != NULL;
	return token;
}
