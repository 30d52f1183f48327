#include "zrms/artifact/look.h"

#include <string.h>

#include "adapter/artifact/digest.h"
#include "adapter/log/log.h"
#include "base/hash.h"
#include "base/str.h"
#include "base/vector.h"

struct waiting {
	artifact_looked_fn *done;
	void *user, *waiting;
};

struct look {
	UT_hash_handle hh;
	char digest[ARTIFACT_DIGEST_CHARS + 1];
	struct looks *looks;
	struct artifact_reader *reader;
	struct digest found;
	struct loop_timer *timer;
	VECTOR(struct waiting) waits;
};

struct looks {
	struct loop *loop;
	struct artifacts *artifacts;
	struct look *all; /* by digest */
};

static void look_free(struct look *l)
{
	HASH_DEL(l->looks->all, l);
	artifact_close(l->reader);
	loop_timer_free(l->timer);
	vector_done(&l->waits);
	free(l);
}

/* What is wrong, and what to do; the caller frees. */
static struct error *damage_of(const struct look *l)
{
	struct error *damage = NULL;
	const char *name = artifact_topology(l->looks->artifacts, l->digest);
	(void)error_set(&damage, ERR_NOT_FOUND,
			"artifact %.12s is damaged: submit the package of %s again", l->digest,
			name != NULL ? name : "its topology");
	log_error("artifact", "damaged", LOG_S("artifact", l->digest), LOG_S("topology", name),
		  LOG_S("then", "removed; submit its package again"));
	return damage;
}

static void look_ended(struct look *l)
{
	char found[ARTIFACT_DIGEST_CHARS + 1];
	digest_final(&l->found, found);
	/* It may have been written again meanwhile. */
	bool is_sound = str_equal(found, l->digest) ||
			artifact_is_verified(l->looks->artifacts, l->digest);
	CLEANUP(error_freep) struct error *damage = is_sound ? NULL : damage_of(l);
	artifact_looked_at(l->looks->artifacts, l->digest, artifact_stamp(l->reader), is_sound);
	vector_for_each (&l->waits, w)
		w->done(w->user, w->waiting, damage);
	look_free(l);
}

/* A piece in each turn of the loop: nothing else waits for a large file. */
static void look_on(void *user)
{
	struct look *l = user;
	struct loop *loop = l->looks->loop;
	size_t size = 0;
	if (artifact_read(l->reader, loop->scratch, LOOP_SCRATCH_BYTES, &size, NULL) <= 0) {
		look_ended(l); /* what cannot be read has another digest */
		return;
	}
	digest_add(&l->found, loop->scratch, size);
	loop_timer_at(l->timer, loop_now(loop).mono_ms);
}

bool artifact_look(struct looks *looks, const char *digest, artifact_looked_fn *done,
		   void *user, void *waiting)
{
	struct look *l = NULL;
	HASH_FIND(hh, looks->all, digest, ARTIFACT_DIGEST_CHARS, l);
	if (l == NULL) {
		struct artifact_reader *reader = NULL;
		if (artifact_is_verified(looks->artifacts, digest) ||
		    artifacts_get(looks->artifacts, digest, &reader, NULL) < 0)
			return false;
		l = mem_new(struct look);
		memcpy(l->digest, digest, ARTIFACT_DIGEST_CHARS);
		l->looks = looks;
		l->reader = reader;
		digest_init(&l->found);
		l->timer = loop_timer_new(looks->loop, look_on, l);
		loop_timer_at(l->timer, loop_now(looks->loop).mono_ms);
		HASH_ADD(hh, looks->all, digest, ARTIFACT_DIGEST_CHARS, l);
	}
	*vector_add(&l->waits) = (struct waiting){done, user, waiting};
	return true;
}

struct looks *looks_new(struct loop *loop, struct artifacts *artifacts)
{
	struct looks *looks = mem_new(struct looks);
	looks->loop = loop;
	looks->artifacts = artifacts;
	return looks;
}

void looks_free(struct looks *looks)
{
	if (looks == NULL)
		return;
	struct look *l, *next;
	HASH_ITER (hh, looks->all, l, next)
		look_free(l);
	free(looks);
}
