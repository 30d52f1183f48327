#include "zhost/space_metrics.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "zhost/mesh/mesh_table.h"

struct space_figures {
	const struct residents *residents;
	int proc_fd;
};

/* Of every series of an instance. Two copies of one are told apart by their epochs. */
#define SPACE_LABELS "topology,topology_id,space,space_instance,epoch"

enum { CPU, MEMORY, RESTARTS, STATE, MESSAGES };
static const struct metric metrics[] = {
	[CPU] = {"samoza_space_cpu_seconds_total", METRIC_COUNTER,
		 "Processor time of the instance's process, since that began.", SPACE_LABELS},
	[MEMORY] = {"samoza_space_memory_bytes", METRIC_GAUGE,
		    "Private memory of the instance's process.", SPACE_LABELS},
	[RESTARTS] = {"samoza_space_restarts_total", METRIC_COUNTER,
		      "Starts of the instance here after the first.", SPACE_LABELS},
	[STATE] = {"samoza_space_state", METRIC_STATE,
		   "What this zhost does with the instance.", SPACE_LABELS},
	[MESSAGES] = {"samoza_space_messages_total", METRIC_COUNTER,
		      "Messages of the instance along each path, since its process began.",
		      SPACE_LABELS ",path,direction,outcome"},
};

struct space_labels {
	char epoch[24];
	const char *values[METRIC_LABELS_MAX];
};

static void add_messages(struct metric_values *to, const struct resident_view *v,
			 struct space_labels *labels)
{
	vector_for_each (&v->peer->paths, p) {
		const struct mesh_path_counts *c = &p->counts;
		const struct {
			const char *direction, *outcome;
			uint64_t count;
		} all[] = {
			{"out", "sent", c->sent},
			{"out", "refused", c->refused},
			{"in", "delivered", c->received},
			{"in", "dropped", c->dropped},
		};

		labels->values[5] = p->name;
		for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
			labels->values[6] = all[i].direction;
			labels->values[7] = all[i].outcome;
			metric_add(to, MESSAGES, labels->values, all[i].count);
		}
	}
}

static void add_space(void *user, const struct resident_view *v)
{
	struct metric_values *to = user;
	struct space_labels labels = {.values = {v->spec->topology_name, v->key->topology,
						 v->spec->space, v->key->path, labels.epoch}};

	(void)snprintf(labels.epoch, sizeof(labels.epoch), "%" PRIu64, v->key->epoch);
	if (v->has_usage) {
		metric_add_us(to, CPU, labels.values,
			      v->usage.cpu_ticks * 1000000 / (uint64_t)sysconf(_SC_CLK_TCK));
		metric_add(to, MEMORY, labels.values,
			   v->usage.memory_pages * (uint64_t)sysconf(_SC_PAGESIZE));
	}
	metric_add(to, RESTARTS, labels.values, v->restarts);
	metric_add_state(to, STATE, labels.values, resident_state_names, resident_state_count,
			 v->state);
	if (v->peer != NULL)
		add_messages(to, v, &labels);
}

void space_figures_visit(const struct space_figures *f,
			 void (*visit)(void *user, const struct resident_view *view),
			 void *user)
{
	residents_visit(f->residents, f->proc_fd, visit, user);
}

static void read_metrics(const void *part, struct metric_values *to)
{
	space_figures_visit(part, add_space, to);
}

const struct metric_source space_metrics = METRIC_SOURCE(metrics, read_metrics);

struct space_figures *space_figures_new(const struct residents *residents)
{
	struct space_figures *f = mem_new(struct space_figures);

	f->residents = residents;
	f->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f;
}

void space_figures_free(struct space_figures *f)
{
	if (f == NULL)
		return;
	closep(&f->proc_fd);
	free(f);
}
