#include "startz/ready.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "adapter/client/api.h"
#include "adapter/client/interrupt.h"
#include "adapter/client/view.h"
#include "base/str.h"
#include "base/text.h"
#include "proto/view.pb-c.h"
#include "startz/credentials.h"
#include "startz/machines.h"
#include "startz/process.h"

#define ASK_EVERY_MS  20
#define ANSWER_MAX_MS 5000
#define TAIL_BYTES    2000
#define TAIL_LINES    10

/* The last lines of a log, each indented by two spaces. The caller frees. */
static char *log_tail(const struct state *s, const char *name)
{
	CLEANUP(freep) char *path = state_path(s, "log/%s.log", name);
	FILE *file = fopen(path, "re");
	char text[TAIL_BYTES + 1] = "";
	struct buffer out = BUFFER_INIT(1 << 16);
	size_t size = 0, begin;
	unsigned lines = 0;

	if (file != NULL) {
		(void)(fseek(file, -TAIL_BYTES, SEEK_END) < 0 && fseek(file, 0, SEEK_SET));
		size = fread(text, 1, TAIL_BYTES, file);
		(void)fclose(file);
	}
	while (size > 0 && text[size - 1] == '\n')
		size--;
	for (begin = size; begin > 0 && lines < TAIL_LINES; begin--)
		lines += text[begin - 1] == '\n';
	begin += begin > 0 || lines == TAIL_LINES;
	text[size] = '\0';
	for (char *line = text + begin; line != NULL && line < text + size;) {
		char *end = strchr(line, '\n');

		if (end != NULL)
			*end++ = '\0';
		(void)buffer_add_string(&out, "\n  ");
		text_escape(&out, line);
		line = end;
	}
	return buffer_steal(&out);
}

static int has_ended(const struct state *s, const struct member *m, struct error **err)
{
	CLEANUP(freep) char *tail = log_tail(s, m->name);

	return error_set(err, ERR_UNAVAILABLE,
			 "%s has exited; the last lines of %s/log/%s.log:%s", m->name, s->dir,
			 m->name, tail);
}

/* Waits before the next request; ERR_STALE after Ctrl-C. */
static int pause_until_next(struct error **err)
{
	struct pollfd fd = {.fd = interrupt_fd(), .events = POLLIN};

	(void)poll(&fd, fd.fd >= 0 ? 1 : 0, ASK_EVERY_MS);
	return interrupt_pending() ? error_set(err, ERR_STALE, "interrupted") : 0;
}

int ready_zrms(const struct state *s, const struct member *m, const char *url,
	       int64_t deadline_mono_ms, struct error **err)
{
	CLEANUP(freep) char *health = str_printf("%s/healthz", url);
	struct api *api = NULL;
	int r = api_new(url, &api, err);

	while (r == 0) {
		CLEANUP(error_freep) struct error *why = NULL;
		long status = 0;

		if (api_probe(api, health, &status, &why) == 0 && status == 200)
			break;
		if (m != NULL && !process_runs(&m->process))
			r = has_ended(s, m, err);
		else if (mono_now_ms() >= deadline_mono_ms)
			r = error_set(err, ERR_TIMEOUT, "zrms at %s is not ready: %s", url,
				      why != NULL ? why->message
						  : "it reports that it is not ready");
		else
			r = pause_until_next(err);
	}
	api_free(api);
	return r;
}

int ready_file(const struct state *s, const struct member *m, const char *path,
	       int64_t deadline_mono_ms, struct error **err)
{
	int r = 0;

	while (r == 0 && access(path, F_OK) < 0) {
		if (!process_runs(&m->process))
			r = has_ended(s, m, err);
		else if (mono_now_ms() >= deadline_mono_ms)
			r = error_set(err, ERR_TIMEOUT,
				      "%s does not lead; see %s/log/%s.log and those of etcd",
				      m->name, s->dir, m->name);
		else
			r = pause_until_next(err);
	}
	return r;
}

/* The number in DIR/zhosts/NAME/incarnation; 0 if there is none. */
static uint64_t read_incarnation(const struct state *s, const char *name)
{
	CLEANUP(freep) char *path = state_path(s, "zhosts/%s/incarnation", name);
	FILE *file = fopen(path, "re");
	uint64_t number = 0;

	if (file == NULL)
		return 0;
	if (fscanf(file, "%" SCNu64, &number) != 1)
		number = 0;
	(void)fclose(file);
	return number;
}

struct awaited awaited_of(const struct state *s, const struct member *m, bool ran)
{
	uint64_t incarnation = read_incarnation(s, m->name);

	CLEANUP(freep) char *path = state_path(s, "log/%s.log", m->name);
	FILE *file = fopen(path, "re");
	long end = file != NULL && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;

	if (file != NULL)
		(void)fclose(file);
	return (struct awaited){.member = m,
				.network = machines_network(s, m),
				.ran = ran,
				/* Of one that runs, the present one counts. */
				.old_incarnation =
					ran && incarnation > 0 ? incarnation - 1 : incarnation,
				.log_begin = end > 0 && !ran ? end : 0};
}

void awaited_done(struct awaited *a)
{
	free(a->network);
	free(a->other_beat);
	free(a->state);
}

/* The last log line of this run in which the zhost reports that zrms refuses it, unless zrms
 * accepted it afterwards; NULL: none. The caller frees. */
static char *find_refusal(const struct state *s, const struct awaited *a)
{
	CLEANUP(freep) char *path = state_path(s, "log/%s.log", a->member->name);
	CLEANUP(freep) char *line = NULL;
	FILE *file = fopen(path, "re");
	char *found = NULL;
	size_t room = 0;

	if (file == NULL)
		return NULL;
	if (fseek(file, a->log_begin, SEEK_SET) == 0) {
		while (getline(&line, &room, file) > 0) {
			const char *refused = strstr(line, " link    refused ");
			bool accepted = strstr(line, " link    accepted ") != NULL;

			if (refused == NULL && !accepted)
				continue;
			line[strcspn(line, "\n")] = '\0';
			free(found);
			found = refused != NULL ? text_escaped(refused + 1) : NULL;
		}
	}
	(void)fclose(file);
	return found;
}

/* Takes over what zrms reports about the zhost of this name. */
static void look_at(struct awaited *a, const Samoza__V1__ZhostView *z, const char *with)
{
	const char *beat = z->last_heartbeat != NULL ? z->last_heartbeat : "";

	if (!str_equal(z->zedge, a->member->address)) {
		if (a->other_beat == NULL)
			a->other_beat = mem_strdup(beat);
		a->other_lives = !str_equal(beat, a->other_beat);
		return;
	}
	free(a->state);
	a->state = mem_strdup(z->state);
	a->ready =
		str_equal(z->state, "deployed-started") && z->incarnation > a->old_incarnation;
	if (!a->ready)
		return;
	(void)printf("%s is %s%s, zedge at %s", z->name, a->ran ? "running" : "ready", with,
		     a->member->address);
	if (a->network != NULL)
		(void)printf(", on its machine only: nsenter --net=%s curl http://%s/",
			     a->network, a->member->address);
	(void)printf("\n");
}

/* Marks the zhosts that are ready according to zrms. Returns how many are not. */
static size_t look(struct awaited *list, size_t count, const Samoza__V1__ZhostListView *zhosts,
		   const char *with)
{
	size_t missing = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < zhosts->n_zhosts && !list[i].ready; k++) {
			if (str_equal(zhosts->zhosts[k]->name, list[i].member->name))
				look_at(&list[i], zhosts->zhosts[k], with);
		}
		missing += !list[i].ready;
	}
	(void)fflush(stdout);
	return missing;
}

/* What zrms at `url` says about a zhost that ran before. The caller frees. */
static char *what_zrms_says(const struct awaited *a, const char *url, bool answers)
{
	if (!answers)
		return str_printf("zrms at %s does not answer", url);
	if (a->state == NULL)
		return str_printf("zrms at %s does not know it", url);
	return str_printf("zrms at %s reports it as %s", url, a->state);
}

static int too_late(const struct state *s, const struct awaited *a, const char *url,
		    bool answers, struct error **err)
{
	const char *name = a->member->name;

	if (!a->ran)
		return error_set(err, ERR_TIMEOUT,
				 "timed out waiting for %s; see %s/log/%s.log", name, s->dir,
				 name);
	CLEANUP(freep) char *says = what_zrms_says(a, url, answers);

	return error_set(
		err, ERR_TIMEOUT,
		"%s was running already, but %s; see %s/log/%s.log, and end it to have "
		"it started again (kill %d)",
		name, says, s->dir, name, (int)a->member->process.pid);
}

static int check_alive(const struct state *s, const struct awaited *list, size_t count,
		       const char *url, bool answers, int64_t deadline_mono_ms,
		       struct error **err)
{
	for (size_t i = 0; i < count; i++) {
		CLEANUP(freep) char *refusal = NULL;
		bool late;

		if (list[i].ready)
			continue;
		if (!process_runs(&list[i].member->process))
			return has_ended(s, list[i].member, err);
		late = mono_now_ms() >= deadline_mono_ms;
		if (late || list[i].other_lives)
			refusal = find_refusal(s, &list[i]);
		if (refusal != NULL)
			return error_set(err, ERR_CONFLICT, "zrms refuses %s: %s",
					 list[i].member->name, refusal);
		if (late)
			return too_late(s, &list[i], url, answers, err);
	}
	return 0;
}

int ready_zhosts(const struct state *s, const char *url, const char *token_file,
		 struct awaited *list, size_t count, int64_t deadline_mono_ms,
		 struct error **err)
{
	struct api *api = NULL;
	int r = count > 0 ? credentials_api(s, url, token_file, &api, err) : 0;
	/* One that was not started with the zrms of this cluster says so. */
	bool other = count > 0 && list[0].ran && list[0].of_other;
	CLEANUP(freep)
	char *with = other ? str_printf(" with zrms at %s", url) : mem_strdup("");

	if (api != NULL)
		api_set_timeout(api, ANSWER_MAX_MS);
	while (r == 0 && count > 0) {
		CLEANUP(view_freep) Samoza__V1__ZhostListView *zhosts = NULL;

		bool answers =
			api_get(api, "/v1/zhosts", &samoza__v1__zhost_list_view__descriptor,
				(void **)&zhosts, NULL) == 0;

		if (answers && look(list, count, zhosts, with) == 0)
			break;
		r = check_alive(s, list, count, url, answers, deadline_mono_ms, err);
		if (r == 0)
			r = pause_until_next(err);
	}
	api_free(api);
	return r;
}

/* ---- without asking zrms ---- */

/* Whether zrms has accepted it last, in this run. */
static bool is_accepted(const struct state *s, const struct awaited *a)
{
	CLEANUP(freep) char *path = state_path(s, "log/%s.log", a->member->name);
	CLEANUP(freep) char *line = NULL;
	FILE *file = fopen(path, "re");
	bool accepted = false;
	size_t room = 0;

	if (file == NULL)
		return false;
	if (fseek(file, a->log_begin, SEEK_SET) == 0) {
		while (getline(&line, &room, file) > 0) {
			accepted |= strstr(line, " link    accepted ") != NULL;
			accepted &= strstr(line, " link    refused ") == NULL;
		}
	}
	(void)fclose(file);
	return accepted;
}

int ready_joined(const struct state *s, struct awaited *list, size_t count,
		 int64_t deadline_mono_ms, struct error **err)
{
	size_t ready = 0;
	int r = 0;

	while (r == 0 && ready < count) {
		for (size_t i = 0; i < count; i++) {
			if (list[i].ready || !is_accepted(s, &list[i]))
				continue;
			list[i].ready = true;
			ready++;
			(void)printf("%s is ready\n", list[i].member->name);
		}
		(void)fflush(stdout);
		if (ready < count)
			r = check_alive(s, list, count, "the addresses of its token", true,
					deadline_mono_ms, err);
		if (r == 0 && ready < count)
			r = pause_until_next(err);
	}
	return r;
}
