#include "adapter/wasm2c/glue.h"

#include <inttypes.h>
#include <string.h>

#include "adapter/wasm2c/imports.h"
#include "base/check.h"

/* Made from runtime/ by embed.c at build time. */
#include "wasm2c_embedded.h"

const struct glue_file glue_files[2] = {
	{"wasm-rt.h", embedded_wasm_rt_h, embedded_wasm_rt_h_size},
	{"guest_module.h", embedded_guest_module_h, embedded_guest_module_h_size},
};

#define WASI_ENOSYS 52

static const char *c_type(char type)
{
	return type == 'l' ? "u64" : type == 'i' ? "u32" : "void";
}

static void parameters(struct buffer *out, const struct import_function *f, bool names)
{
	for (size_t i = 0; f->parameters[i] != '\0'; i++) {
		(void)buffer_printf(out, ", %s", c_type(f->parameters[i]));
		if (names)
			(void)buffer_printf(out, " a%zu", i);
	}
}

/* The compiler compares this definition with the declaration in wasm2c's header. The instance
 * that the caller passes is not used: to a function that is called through the table, wasm2c
 * 1.0.32 passes the address of the instance's field, not its value. */
static void import_definition(struct buffer *out, const struct import_function *f)
{
	(void)buffer_printf(out, "%s Z_%sZ_%s(struct Z_%s_instance_t *unused",
			    c_type(f->result), f->module, f->function, f->module);
	parameters(out, f, true);
	if (f->index < 0) {
		(void)buffer_printf(out, ")\n{\n\treturn %du;\n}\n", WASI_ENOSYS);
		return;
	}
	(void)buffer_printf(out, ")\n{\n\t%s((%s (*)(void *", f->result == 'v' ? "" : "return ",
			    c_type(f->result));
	parameters(out, f, false);
	(void)buffer_printf(out, "))glue_host->functions[%d])(glue_host", f->index);
	for (size_t i = 0; f->parameters[i] != '\0'; i++)
		(void)buffer_printf(out, ", a%zu", i);
	(void)buffer_add_string(out, ");\n}\n");
}

static bool imports_from(const struct module_info *info, const char *module)
{
	for (size_t i = 0; i < import_count; i++)
		if (info->imports[i] && strcmp(import_table[i].module, module) == 0)
			return true;
	return false;
}

static void instantiate(struct buffer *out, const struct module_info *info)
{
	/* wasm2c sorts them by name; a wrong order would not compile. */
	static const char *const modules[] = {"data", "net", "sys", "wasi_snapshot_preview1"};

	(void)buffer_add_string(
		out,
		"static void glue_instantiate(void *instance, struct guest_host *host)\n{\n"
		"\tglue_host = host;\n"
		"\tZ_space_instantiate(instance");
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (imports_from(info, modules[i]))
			(void)buffer_add_string(out, ", NULL");
	(void)buffer_add_string(out, ");\n}\n");
}

/* A wrapper with the exact type of struct guest_module's member: no casts of functions. */
static void wrapper(struct buffer *out, const struct module_info *info, uint32_t bit,
		    const char *type, const char *member, const char *name)
{
	if ((info->exports & bit) != 0)
		(void)buffer_printf(out,
				    "static %s glue_%s(void *instance)\n{\n\treturn "
				    "Z_spaceZ_%s(instance);\n}\n",
				    type, member, name);
}

/* The image as the assembler reads it, without a detour through C. */
static void image_definition(struct buffer *out, const struct image *image)
{
	if (image->runs.count == 0)
		return;
	(void)buffer_printf(
		out,
		"__asm__(\".pushsection .rodata.image,\\\"a\\\"\\n\"\n"
		"\t\".balign %u\\nglue_image: .incbin \\\"image\\\"\\n.popsection\");\n"
		"extern const uint8_t glue_image[]"
		" __attribute__((visibility(\"hidden\")));\n"
		"static const struct guest_image_run glue_runs[] = {\n",
		image_is_mapped(image) ? IMAGE_PAGE : 16u);
	vector_for_each (&image->runs, run)
		(void)buffer_printf(out, "\t{%" PRIu32 "u,%" PRIu32 "u,%" PRIu32 "u,%d},\n",
				    run->at, run->size, run->from, run->is_mapped);
	(void)buffer_add_string(out, "};\n");
}

void glue_write(struct buffer *out, const struct module_info *info, const struct image *image)
{
	static const struct {
		uint32_t bit;
		const char *type, *member, *name;
	} exports[] = {
		{MODULE_EXPORT_MEMORY, "wasm_rt_memory_t *", "memory", "memory"},
		{MODULE_EXPORT_ON_INIT, "u32", "on_init", "on_init"},
		{MODULE_EXPORT_ON_PROCESS, "u32", "on_process", "on_process"},
		{MODULE_EXPORT_ON_CLOSE, "u32", "on_close", "on_close"},
		{MODULE_EXPORT_ON_UPDATE, "u32", "on_update", "on_update"},
		{MODULE_EXPORT_START, "void", "start", "_start"},
		{MODULE_EXPORT_INITIALIZE, "void", "initialize", "_initialize"},
	};

	(void)buffer_add_string(out, "#include \"space.c\"\n#include \"guest_module.h\"\n"
				     "static struct guest_host *glue_host;\n");
	for (size_t i = 0; i < import_count; i++)
		if (info->imports[i])
			import_definition(out, &import_table[i]);
	instantiate(out, info);
	image_definition(out, image);
	for (size_t i = 0; i < ARRAY_SIZE(exports); i++)
		wrapper(out, info, exports[i].bit, exports[i].type, exports[i].member,
			exports[i].name);
	(void)buffer_printf(out,
			    "__attribute__((visibility(\"default\")))\n"
			    "const struct guest_module samoza_guest_module = {\n"
			    "\t.magic = GUEST_MODULE_MAGIC,\n"
			    "\t.instance_size = sizeof(Z_space_instance_t),\n"
			    "\t.imports = UINT64_C(%" PRIu64 "),\n"
			    "\t.init = Z_space_init_module,\n"
			    "\t.instantiate = glue_instantiate,\n",
			    imports_fingerprint());
	for (size_t i = 0; i < ARRAY_SIZE(exports); i++)
		if ((info->exports & exports[i].bit) != 0)
			(void)buffer_printf(out, "\t.%s = glue_%s,\n", exports[i].member,
					    exports[i].member);
	if (image->runs.count > 0)
		(void)buffer_printf(out,
				    "\t.image = glue_image,\n\t.runs = glue_runs,\n"
				    "\t.run_count = %zu,\n",
				    image->runs.count);
	POST(buffer_add_string(out, "};\n") == 0);
}
