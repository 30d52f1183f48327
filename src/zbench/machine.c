#include "zbench/machine.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/str.h"
#include "zbench/version.h"

#define GUARD_MIN_BYTES ((uint64_t)1 << 32)

/* "model name : …" of the first processor. The caller frees. */
static char *cpu_model(void)
{
	FILE *file = fopen("/proc/cpuinfo", "re");
	char line[512];
	char *model = NULL;

	while (file != NULL && model == NULL && fgets(line, sizeof(line), file) != NULL) {
		const char *value = strstr(line, ": ");

		line[strcspn(line, "\n")] = '\0';
		if (str_has_prefix(line, "model name") && value != NULL)
			model = mem_strdup(value + 2);
	}
	if (file != NULL)
		(void)fclose(file);
	return model != NULL ? model : mem_strdup("unknown processor");
}

char *machine_text(void)
{
	CLEANUP(freep) char *cpu = cpu_model();
	struct utsname system;

	(void)uname(&system);
	return str_printf("%ld cores of %s, %s %s, zbench %s (commit %s)",
			  sysconf(_SC_NPROCESSORS_ONLN), cpu, system.sysname, system.release,
			  ZBENCH_VERSION, ZBENCH_COMMIT);
}

json_t *machine_json(void)
{
	CLEANUP(freep) char *cpu = cpu_model();
	struct utsname system;

	(void)uname(&system);
	return json_pack("{s:I, s:s, s:s, s:s, s:s}", "cores",
			 (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "cpu", cpu, "kernel",
			 system.release, "version", ZBENCH_VERSION, "commit", ZBENCH_COMMIT);
}

/* ---------------------------------------------------------------- memory */

static FILE *open_process(pid_t pid, const char *name, struct error **err)
{
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "re");
	if (file == NULL)
		(void)error_errno(err, "cannot read %s", path);
	return file;
}

/* Adds a line "Rss:   12 kB" or "Pss: …" to the sums. */
static void add_line(const char *line, struct process_memory *sums)
{
	uint64_t kib;

	if (sscanf(line, "Rss: %" SCNu64 " kB", &kib) == 1)
		sums->rss += kib * 1024;
	else if (sscanf(line, "Pss: %" SCNu64 " kB", &kib) == 1)
		sums->pss += kib * 1024;
}

int process_memory(pid_t pid, struct process_memory *ret, struct error **err)
{
	FILE *file = open_process(pid, "smaps_rollup", err);
	struct process_memory sums = {0};
	char line[512];

	if (file == NULL)
		return ERR_IO;
	while (fgets(line, sizeof(line), file) != NULL)
		add_line(line, &sums);
	(void)fclose(file);
	*ret = sums;
	return 0;
}

int zrun_memory(pid_t pid, struct process_memory *ret_own, struct process_memory *ret_guest,
		struct error **err)
{
	FILE *file = open_process(pid, "smaps", err);
	struct process_memory own = {0}, guest = {0}, area = {0};
	uint64_t area_end = 0;
	bool any_guest = false;
	char line[512];

	if (file == NULL)
		return ERR_IO;
	/* Areas come in the order of their addresses: one is the guest's when the next one is
	 * a huge area without access right after it. */
	while (fgets(line, sizeof(line), file) != NULL) {
		uint64_t begin, end;
		char access[8];

		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s ", &begin, &end, access) != 3 ||
		    strlen(access) != 4) {
			add_line(line, &area);
			continue;
		}
		bool is_guard = str_has_prefix(access, "---") && begin == area_end &&
				end - begin >= GUARD_MIN_BYTES - ((uint64_t)1 << 30);
		struct process_memory *to = is_guard ? &guest : &own;

		any_guest = any_guest || is_guard;
		to->rss += area.rss;
		to->pss += area.pss;
		area = (struct process_memory){0};
		area_end = end;
	}
	own.rss += area.rss;
	own.pss += area.pss;
	(void)fclose(file);
	if (!any_guest)
		return error_set(err, ERR_NOT_FOUND, "process %d has no memory of a guest",
				 (int)pid);
	*ret_own = own;
	*ret_guest = guest;
	return 0;
}

static bool is_child(pid_t pid, pid_t parent, const char *prefix)
{
	FILE *file = open_process(pid, "stat", NULL);
	char text[512] = "";
	const char *name, *behind;
	int found = 0;

	if (file != NULL && fgets(text, sizeof(text), file) == NULL)
		text[0] = '\0';
	if (file != NULL)
		(void)fclose(file);
	name = strchr(text, '(');
	behind = strrchr(text, ')');
	return name != NULL && behind != NULL && str_has_prefix(name + 1, prefix) &&
	       sscanf(behind + 1, " %*c %d", &found) == 1 && found == parent;
}

size_t processes_named(pid_t parent, const char *prefix, pid_t *ret_pids, size_t max)
{
	DIR *directory = opendir("/proc");
	const struct dirent *entry;
	size_t count = 0;

	while (directory != NULL && count < max && (entry = readdir(directory)) != NULL) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

		if (pid > 0 && is_child(pid, parent, prefix))
			ret_pids[count++] = pid;
	}
	if (directory != NULL)
		(void)closedir(directory);
	return count;
}
