#include "zhost/space/api_token.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/memory.h"
#include "base/str.h"
#include "model/zhost.h"
#include "zhost/state/instance_file.h"

#define SEND_ROOM ((size_t)1024 * 1024) /* of the link: what waits on it otherwise goes first */
#define FILE_SIZE (INSTANCE_FILE_NAME_SIZE + 2)

void api_token_init(struct api_token *t, const struct api_token_of *of)
{
	*t = (struct api_token){.of = *of};
}

bool api_token_is_wanted(const struct api_token *t)
{
	const Samoza__V1__InstanceSpec *spec = t->of.spec;
	for (size_t k = 0; k < spec->n_capabilities; k++)
		if (str_equal(spec->capabilities[k], CAPABILITY_CLUSTER_API))
			return true;
	return false;
}

/* ---- its hash, on disk ---- */

static void file_name(const struct api_token *t, char name[FILE_SIZE])
{
	(void)snprintf(name, FILE_SIZE, "%s.a", t->of.file_name);
}

/* What cannot be kept is only not said again after a restart of zhost. */
static void hash_keep(const struct api_token *t)
{
	char name[FILE_SIZE];
	file_name(t, name);
	CLEANUP(closep)
	int fd = openat(t->of.run_fd, name,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || write(fd, t->hash, sizeof(t->hash)) != (ssize_t)sizeof(t->hash))
		(void)unlinkat(t->of.run_fd, name, 0);
}

void api_token_load(struct api_token *t)
{
	char name[FILE_SIZE];
	file_name(t, name);
	CLEANUP(closep) int fd = openat(t->of.run_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	t->has_hash = fd >= 0 && read(fd, t->hash, sizeof(t->hash)) == (ssize_t)sizeof(t->hash);
}

/* ---- asking ---- */

static void again_end(struct api_token *t)
{
	loop_timer_free(steal_ptr(&t->again));
}

static void on_again(void *user);

static void again_later(struct api_token *t)
{
	if (t->again == NULL)
		t->again = loop_timer_new(t->of.loop, on_again, t);
	loop_timer_at(t->again, loop_now(t->of.loop).mono_ms + t->again_ms);
	t->again_ms = 2 * t->again_ms < API_TOKEN_AGAIN_MAX_MS ? 2 * t->again_ms
							       : API_TOKEN_AGAIN_MAX_MS;
}

static int tell(struct api_token *t)
{
	Samoza__V1__ApiToken message = SAMOZA__V1__API_TOKEN__INIT;
	message.key = (Samoza__V1__InstanceKey *)(uintptr_t)t->of.key;
	message.hash = (ProtobufCBinaryData){sizeof(t->hash), (uint8_t *)(uintptr_t)t->hash};
	again_later(t);
	return upstream_try_send(t->of.upstream, SAMOZA__V1__FRAME_TYPE__FRAME_API_TOKEN,
				 &message.base, SEND_ROOM);
}

/* zrms has refused it for a moment, or has no room, or its answer was lost. */
static void on_again(void *user)
{
	struct api_token *t = user;
	if (*t->of.process != NULL || t->go_on != NULL)
		(void)tell(t);
	else
		again_end(t);
}

/* From the shortest time on. */
static int tell_first(struct api_token *t)
{
	t->again_ms = API_TOKEN_AGAIN_MS;
	return tell(t);
}

static void settle(struct api_token *t, const char *note)
{
	api_token_fn *go_on = steal_ptr(&t->go_on);
	loop_timer_free(steal_ptr(&t->timer));
	if (go_on != NULL)
		go_on(t->user, note);
}

static void on_time(void *user)
{
	settle(user, "zrms has not said that it knows the token of this instance: it is told "
		     "again");
}

void api_token_begin(struct api_token *t, api_token_fn *go_on, void *user)
{
	PRE(t->go_on == NULL);
	token_free(t->secret);
	t->secret = token_new(TOKEN_OF_PERSON);
	token_hash(t->secret, t->hash);
	t->has_hash = true;
	t->is_taken = false;
	hash_keep(t);
	t->go_on = go_on;
	t->user = user;
	if (tell_first(t) < 0) {
		settle(t, "zrms cannot be reached: the token of this instance is good once it "
			  "can");
		return;
	}
	t->timer = loop_timer_new(t->of.loop, on_time, t);
	loop_timer_at(t->timer, loop_now(t->of.loop).mono_ms + API_TOKEN_WAIT_MS);
}

void api_token_started(struct api_token *t)
{
	if (t->has_hash)
		(void)tell_first(t);
}

bool api_token_abort(struct api_token *t)
{
	bool was_waited_for = t->go_on != NULL;
	t->go_on = NULL;
	settle(t, NULL);
	return was_waited_for;
}

void api_token_handed(struct api_token *t)
{
	token_free(steal_ptr(&t->secret));
}

void api_token_done(struct api_token *t)
{
	(void)api_token_abort(t);
	api_token_handed(t);
	again_end(t);
}

/* ---- zrms ---- */

void api_token_connected(struct api_token *t)
{
	t->is_taken = false;
	if (t->has_hash)
		(void)tell_first(t);
}

void api_token_take(struct api_token *t, const Samoza__V1__ApiTokenTaken *taken)
{
	if (!t->has_hash || taken->hash.len != sizeof(t->hash) ||
	    memcmp(taken->hash.data, t->hash, sizeof(t->hash)) != 0)
		return; /* of one before */
	t->is_taken = taken->refused == NULL;
	if (t->is_taken)
		again_end(t);
	CLEANUP(freep)
	char *note = taken->refused != NULL
			     ? str_printf("zrms does not take the token of this instance: %s",
					  taken->refused)
			     : NULL;
	settle(t, note);
}
