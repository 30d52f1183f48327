#include "zsim/fuzz/check/check_audit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "core/control/request/audit.h"
#include "zsim/fuzz/life/fuzz.h"
#include "zsim/world/controller.h"

/* The number of the request; 0: it names none. */
static uint64_t number_of(const Samoza__V1__AuditRecord *line)
{
	uint64_t number = 0;
	if (line->request == NULL || sscanf(line->request, "request %" SCNu64, &number) != 1)
		return 0;
	return number;
}

static bool is_done(const Samoza__V1__AuditRecord *line)
{
	return str_equal(line->outcome, AUDIT_DONE);
}

/* Of the system itself: an instance is given a token, or it ends, as the same batch records it. */
static bool is_of_token(const struct outbox *o, const Samoza__V1__AuditRecord *line)
{
	vector_for_each (&o->records, change)
		if (change->kind == RECORD_CREDENTIAL && str_has_prefix(change->id, "space/") &&
		    strstr(line->action, change->id) != NULL)
			return str_is_empty(line->user) && is_done(line);
	return false;
}

static void note_line(struct fuzz *f, const struct outbox *o,
		      const Samoza__V1__AuditRecord *line)
{
	uint64_t number = number_of(line);
	if (line->seq != ++f->audit_seq)
		world_violate(&f->world, "line %" PRIu64 " of the audit follows line %" PRIu64,
			      line->seq, f->audit_seq - 1);
	if (is_of_token(o, line))
		return;
	if (number == 0 || number > f->world.next_request) {
		world_violate(&f->world, "the audit has a line (%s) that nobody asked for",
			      line->action);
		return;
	}
	while (f->audited.count < number)
		vector_push(&f->audited, NULL);
	if (f->audited.items[number - 1] != NULL)
		world_violate(&f->world, "request %" PRIu64 " has two lines in the audit",
			      number);
	free(f->audited.items[number - 1]);
	f->audited.items[number - 1] = mem_strdup(line->outcome);
}

/* How many revisions of it were committed before. */
static size_t committed_revisions(const struct fuzz *f, const char *application)
{
	vector_for_each (&f->submitted, s)
		if (str_equal(s->id, application))
			return s->revisions.count;
	return 0;
}

static bool has_line(const struct outbox *o, const char *application, uint32_t revision)
{
	vector_for_each (&o->audit, line)
		if (is_done(*line) && (*line)->has_revision && (*line)->revision == revision &&
		    str_equal((*line)->topology, application))
			return true;
	return false;
}

/* The newest number of it in the batch; 0: it makes none. */
static uint32_t made_in(struct fuzz *f, const struct outbox *o, const char *application,
			bool must_have_line)
{
	uint32_t newest = 0;
	vector_for_each (&o->records, change) {
		if (change->kind != RECORD_REVISION || change->data == NULL)
			continue;
		Samoza__V1__RevisionRecord *r =
			samoza__v1__revision_record__unpack(NULL, change->size, change->data);
		bool is_new = r->number > committed_revisions(f, r->application);
		if (must_have_line && is_new && !has_line(o, r->application, r->number))
			world_violate(&f->world,
				      "revision %u of %s is made without a line in the audit",
				      r->number, r->application);
		if (str_equal(r->application, application) && r->number > newest)
			newest = r->number;
		samoza__v1__revision_record__free_unpacked(r, NULL);
	}
	return newest;
}

/* It may be removed in the same batch. */
static bool is_removed_in(const struct outbox *o, const char *application)
{
	vector_for_each (&o->audit, line)
		if (is_done(*line) && str_has_prefix((*line)->action, "remove ") &&
		    str_equal((*line)->topology, application))
			return true;
	return false;
}

void check_audit_committed(struct fuzz *f, const struct outbox *o)
{
	(void)made_in(f, o, NULL, true);
	vector_for_each (&o->audit, line) {
		const char *application = (*line)->topology;
		note_line(f, o, *line);
		if (is_done(*line) && (*line)->has_revision &&
		    (*line)->revision > committed_revisions(f, application) &&
		    (*line)->revision > made_in(f, o, application, false) &&
		    !is_removed_in(o, application))
			world_violate(&f->world,
				      "the audit has revision %u of %s, which is not made",
				      (*line)->revision, application);
	}
}

void check_audit_answered(struct fuzz *f, const struct answer *answer)
{
	uint64_t number = f->world.next_request;
	if (!answer->answered)
		return;
	const char *line = f->audited.count >= number ? f->audited.items[number - 1] : NULL;
	const char *expected =
		answer->code < 0 ? error_code_name((enum error_code)answer->code) : AUDIT_DONE;
	if (line == NULL)
		world_violate(&f->world, "a request is answered without a line in the audit");
	else if (!str_equal(line, expected))
		world_violate(&f->world, "a request is answered '%s', and its line says '%s'",
			      expected, line);
}
