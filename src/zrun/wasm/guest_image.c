#include "zrun/wasm/guest_image.h"

#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#include "zrun/runner/termination.h"
#include "zrun/wasm/guest.h"

#define PAGE	  65536u
#define PAGES_MAX 65535u

uint32_t guest_pages_max(const struct guest *g)
{
	uint64_t pages = g->runner->request->memory_bytes / PAGE;

	return pages < PAGES_MAX ? (uint32_t)pages : PAGES_MAX;
}

void guest_no_memory(const struct guest *g, const char *what)
{
	die(ZRUN_FAILED_MEMORY, ENOMEM, "%s does not fit resources.memory (%llu KiB)", what,
	    (unsigned long long)(g->runner->request->memory_bytes / 1024));
}

void guest_reserve(struct guest *g)
{
	void *base;

	if (g->memory_base != NULL)
		return;
	base = mmap(NULL, GUEST_RESERVE_SIZE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		die(ZRUN_FAILED_MEMORY, errno, "cannot reserve 8 GiB of address space: %s",
		    strerror(errno));
	g->memory_base = base;
}

static bool has_image(const struct guest *g)
{
	return g->module->magic == GUEST_MODULE_MAGIC && g->module->run_count > 0;
}

/* Where a loaded address is in its file. */
struct place {
	uintptr_t address;
	off_t offset; /* -1: not found */
};

static int find_place(struct dl_phdr_info *info, size_t size, void *user)
{
	struct place *p = user;

	for (unsigned n = 0; n < info->dlpi_phnum; n++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[n];
		uintptr_t start = info->dlpi_addr + segment->p_vaddr;

		if (segment->p_type != PT_LOAD || p->address < start ||
		    p->address - start >= segment->p_filesz)
			continue;
		p->offset = (off_t)(segment->p_offset + (p->address - start));
		return 1;
	}
	return 0;
}

void guest_image_map(struct guest *g, int module_fd)
{
	if (!has_image(g) || !g->module->runs[0].is_mapped)
		return;
	struct place image = {.address = (uintptr_t)g->module->image, .offset = -1};
	const struct guest_image_run *runs = g->module->runs;
	guest_reserve(g);
	(void)dl_iterate_phdr(find_place, &image);
	if (image.offset < 0)
		die(ZRUN_FAILED_LOAD, 0,
		    "the start image of the module is missing from its file");
	for (uint32_t n = 0; n < g->module->run_count && runs[n].is_mapped; n++) {
		if ((uint64_t)runs[n].at + runs[n].size > (uint64_t)guest_pages_max(g) * PAGE)
			guest_no_memory(g, "the initial memory");
		if (mmap(g->memory_base + runs[n].at, runs[n].size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_FIXED, module_fd,
			 image.offset + runs[n].from) == MAP_FAILED)
			die(ZRUN_FAILED_MEMORY, errno, "cannot map the start image: %s",
			    strerror(errno));
	}
}

void guest_image_copy(const struct guest *g)
{
	if (!has_image(g))
		return;
	for (uint32_t n = 0; n < g->module->run_count; n++) {
		const struct guest_image_run *run = &g->module->runs[n];

		if (!run->is_mapped)
			memcpy(g->memory_base + run->at, g->module->image + run->from,
			       run->size);
	}
}
