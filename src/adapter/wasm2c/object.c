#include "adapter/wasm2c/object.h"

#include <elf.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/str.h"

const char *const object_symbols[] = {
	/* src/zrun/wasm/wasm_rt.c */
	"wasm_rt_trap",
	"wasm_rt_register_func_type",
	"wasm_rt_allocate_memory",
	"wasm_rt_grow_memory",
	"wasm_rt_free_memory",
	"wasm_rt_allocate_funcref_table",
	"wasm_rt_free_funcref_table",
	/* libc and libm, which zrun is linked with */
	"__isnan",
	"__isnanf",
	"__signbit",
	"__signbitf",
	"memcpy",
	"memmove",
	"memset",
	"memcmp",
	"ceil",
	"ceilf",
	"floor",
	"floorf",
	"nearbyint",
	"nearbyintf",
	"rint",
	"rintf",
	"sqrt",
	"sqrtf",
	"trunc",
	"truncf",
	NULL,
};

/* A mapped file. Nothing in it is believed: every range is checked against its size. */
struct object {
	const uint8_t *data;
	size_t size;
};

static const void *at(const struct object *o, uint64_t offset, uint64_t size)
{
	if (offset > o->size || size > o->size - offset || offset % 8 != 0)
		return NULL;
	return o->data + offset;
}

static bool is_offered(const char *name)
{
	for (size_t i = 0; object_symbols[i] != NULL; i++)
		if (str_equal(object_symbols[i], name))
			return true;
	return false;
}

static int damaged(struct error **err)
{
	return error_set(err, ERR_UNSUPPORTED,
			 "the C compiler's output is not a shared object that this program "
			 "can read");
}

/* ---- symbols ---- */

static int check_symbols(const struct object *o, const Elf64_Shdr *symbols,
			 const Elf64_Shdr *strings, struct error **err)
{
	size_t count = symbols->sh_size / sizeof(Elf64_Sym), missing_count = 0;
	const Elf64_Sym *symbol = at(o, symbols->sh_offset, symbols->sh_size);
	CLEANUP(freep) char *missing = mem_strdup("");

	if (symbol == NULL || strings->sh_size == 0 || strings->sh_offset > o->size ||
	    strings->sh_size > o->size - strings->sh_offset)
		return damaged(err);
	const char *names = (const char *)o->data + strings->sh_offset;
	if (names[strings->sh_size - 1] != '\0')
		return damaged(err);
	for (size_t i = 1; i < count; i++) {
		if (symbol[i].st_shndx != SHN_UNDEF)
			continue;
		if (symbol[i].st_name >= strings->sh_size)
			return damaged(err);
		const char *name = names + symbol[i].st_name;
		if (is_offered(name))
			continue;
		if (missing_count++ < 8) {
			char *longer = str_printf("%s%s%s", missing,
						  missing_count > 1 ? ", " : "", name);
			free(missing);
			missing = longer;
		}
	}
	if (missing_count == 0)
		return 0;
	return error_set(err, ERR_UNSUPPORTED,
			 "the compiled module calls functions that zrun does not have: %s%s",
			 missing, missing_count > 8 ? ", ..." : "");
}

static int check_sections(const struct object *o, const Elf64_Ehdr *header, struct error **err)
{
	const Elf64_Shdr *sections =
		at(o, header->e_shoff, (uint64_t)header->e_shnum * sizeof(*sections));
	bool is_found = false;
	int r = 0;

	if (sections == NULL)
		return damaged(err);
	for (unsigned i = 0; i < header->e_shnum && r == 0; i++) {
		if (sections[i].sh_type != SHT_DYNSYM)
			continue;
		if (sections[i].sh_link >= header->e_shnum)
			return damaged(err);
		is_found = true;
		r = check_symbols(o, &sections[i], &sections[sections[i].sh_link], err);
	}
	return r == 0 && !is_found ? damaged(err) : r;
}

/* ---- what the loader would do ---- */

static const char *forbidden_tag(const Elf64_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_NEEDED:
		return "needs a library";
	case DT_INIT:
	case DT_FINI:
	case DT_INIT_ARRAY:
	case DT_FINI_ARRAY:
	case DT_PREINIT_ARRAY:
		return "runs code when it is loaded or ends";
	case DT_TEXTREL:
		return "has relocations in its code";
	default:
		return NULL;
	}
}

static const char *forbidden_segment(const Elf64_Phdr *segment)
{
	if (segment->p_type == PT_LOAD && (segment->p_flags & (PF_W | PF_X)) == (PF_W | PF_X))
		return "has code that can be written";
	if (segment->p_type == PT_GNU_STACK && (segment->p_flags & PF_X) != 0)
		return "wants an executable stack";
	return segment->p_type == PT_INTERP ? "wants an interpreter" : NULL;
}

static int check_segments(const struct object *o, const Elf64_Ehdr *header, struct error **err)
{
	const Elf64_Phdr *segments =
		at(o, header->e_phoff, (uint64_t)header->e_phnum * sizeof(*segments));
	const char *why = NULL;

	if (segments == NULL)
		return damaged(err);
	for (unsigned i = 0; i < header->e_phnum && why == NULL; i++) {
		why = forbidden_segment(&segments[i]);
		if (segments[i].p_type != PT_DYNAMIC)
			continue;
		const Elf64_Dyn *entry = at(o, segments[i].p_offset, segments[i].p_filesz);
		size_t count = segments[i].p_filesz / sizeof(*entry);
		if (entry == NULL)
			return damaged(err);
		for (size_t k = 0; k < count && why == NULL; k++)
			why = forbidden_tag(&entry[k]);
	}
	if (why == NULL)
		return 0;
	return error_set(err, ERR_UNSUPPORTED, "the C compiler makes an object that %s", why);
}

static int check(const struct object *o, struct error **err)
{
	const Elf64_Ehdr *header = at(o, 0, sizeof(*header));

	if (header == NULL || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_type != ET_DYN)
		return damaged(err);
	int r = check_segments(o, header, err);
	return r < 0 ? r : check_sections(o, header, err);
}

int object_check(const char *path, struct error **err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return error_errno(err, "cannot read %s", path);
	if (st.st_size <= 0)
		return damaged(err);
	struct object o = {.size = (size_t)st.st_size};
	void *data = mmap(NULL, o.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (data == MAP_FAILED)
		return error_errno(err, "cannot read %s", path);
	o.data = data;
	int r = check(&o, err);
	(void)munmap(data, o.size);
	return r;
}
