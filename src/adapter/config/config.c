#include "adapter/config/config.h"

#include <stdlib.h>
#include <string.h>

#include "adapter/config/value.h"
#include "adapter/config/version.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"

void config_arguments_done(struct config_arguments *a)
{
	vector_done(&a->list);
}

void config_done(const struct config_program *program, void *settings)
{
	for (const struct config_option *o = program->options; o->help != NULL; o++)
		config_value_done(o, settings);
}

const char *config_file_path(int argc, char **argv)
{
	const char *path = NULL;

	for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++) {
		if (str_has_prefix(argv[i], "--config="))
			path = argv[i] + strlen("--config=");
		else if (str_equal(argv[i], "--config") && i + 1 < argc)
			path = argv[++i];
	}
	return path;
}

static void load_defaults(struct config_loading *l)
{
	for (size_t i = 0; l->program->options[i].help != NULL; i++) {
		const struct config_option *o = &l->program->options[i];

		if (o->fallback == NULL)
			continue;
		if (config_value_set(o, l->settings, o->fallback, NULL) < 0)
			IMPOSSIBLE("a default that its own rules refuse");
		l->sources[i] = CONFIG_FROM_DEFAULT;
	}
}

static int load_environment(struct config_loading *l, struct error **err)
{
	for (size_t i = 0; l->program->options[i].help != NULL; i++) {
		const struct config_option *o = &l->program->options[i];
		const char *text = o->environment != NULL ? getenv(o->environment) : NULL;
		int r;

		if (str_is_empty(text))
			continue;
		r = config_value_set(o, l->settings, text, err);
		if (r < 0)
			return error_wrap(err, "environment variable %s", o->environment);
		l->sources[i] = CONFIG_FROM_ENVIRONMENT;
	}
	return 0;
}

/* ---------------------------------------------------------------- flags */

struct flags {
	struct config_loading *loading;
	struct config_arguments *arguments; /* NULL: refused */
	bool help, version, values, manual;
};

static bool flag_is(const char *name, size_t length, const char *flag)
{
	return flag != NULL && strlen(flag) == length && strncmp(flag, name, length) == 0;
}

static int unknown_flag(const struct flags *f, const char *name, size_t length,
			struct error **err)
{
	static const char *const ours[] = {"help", "version", "print-config", "config"};
	const struct config_option *options = f->loading->program->options;
	CLEANUP(freep) char *given = mem_strndup(name, length < 100 ? length : 100);
	const char *nearest = NULL;
	unsigned best = 4;

	for (size_t i = 0; i < config_option_count(f->loading->program) + ARRAY_SIZE(ours);
	     i++) {
		const char *flag =
			i < ARRAY_SIZE(ours) ? ours[i] : options[i - ARRAY_SIZE(ours)].flag;
		unsigned d = flag != NULL ? str_distance(flag, given) : best;

		if (d < best) {
			best = d;
			nearest = flag;
		}
	}
	if (nearest != NULL)
		return error_set(err, ERR_INVALID, "unknown option --%s; did you mean --%s?",
				 given, nearest);
	return error_set(err, ERR_INVALID, "unknown option --%s", given);
}

/* A flag of the table. `value` is what stands behind "=", or NULL; `next` the argument behind
 * it, or NULL. Returns how many further arguments were used. */
static int take_option(struct flags *f, size_t i, const char *value, const char *next,
		       struct error **err)
{
	const struct config_option *o = &f->loading->program->options[i];
	int used = 0;
	int r;

	if (value == NULL && o->type == CONFIG_BOOL) {
		value = "true";
	} else if (value == NULL) {
		if (next == NULL)
			return error_set(err, ERR_INVALID, "--%s needs a value: %s", o->flag,
					 config_value_name(o));
		value = next;
		used = 1;
	}
	r = config_value_set(o, f->loading->settings, value, err);
	if (r < 0)
		return error_wrap(err, "--%s", o->flag);
	f->loading->sources[i] = CONFIG_FROM_FLAG;
	return used;
}

/* One argument that begins with "--". Returns how many further arguments were used. */
static int take_flag(struct flags *f, const char *name, const char *next, struct error **err)
{
	const struct config_program *p = f->loading->program;
	const char *equals = strchr(name, '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const char *value = equals != NULL ? equals + 1 : NULL;

	for (size_t i = 0; p->options[i].help != NULL; i++) {
		if (flag_is(name, length, p->options[i].flag))
			return take_option(f, i, value, next, err);
	}
	if (p->has_file && flag_is(name, length, "config")) {
		if (value == NULL && next == NULL)
			return error_set(err, ERR_INVALID, "--config needs a value: FILE");
		return value == NULL ? 1 : 0; /* config_file_path() has it */
	}
	if (value != NULL)
		return unknown_flag(f, name, length, err);
	if (str_equal(name, "help"))
		f->help = true;
	else if (str_equal(name, "version"))
		f->version = true;
	else if (str_equal(name, "print-config"))
		f->values = true;
	else if (str_equal(name, "print-manual"))
		f->manual = true;
	else
		return unknown_flag(f, name, length, err);
	return 0;
}

static int load_flags(struct flags *f, int argc, char **argv, struct error **err)
{
	bool only_arguments = false;

	for (int i = 1; i < argc; i++) {
		const char *a = argv[i];
		int r = 0;

		if (only_arguments || a[0] != '-' || a[1] == '\0') {
			if (f->arguments == NULL)
				return error_set(err, ERR_INVALID, "unexpected argument '%s'",
						 a);
			vector_push(&f->arguments->list, a);
		} else if (str_equal(a, "--")) {
			only_arguments = true;
		} else if (str_equal(a, "-h")) {
			f->help = true;
		} else if (a[1] == '-') {
			r = take_flag(f, a + 2, i + 1 < argc ? argv[i + 1] : NULL, err);
		} else {
			return error_set(err, ERR_INVALID, "unknown option %s", a);
		}
		if (r < 0)
			return r;
		i += r;
	}
	return 0;
}

static int check_required(const struct config_loading *l, struct error **err)
{
	for (size_t i = 0; l->program->options[i].help != NULL; i++) {
		const struct config_option *o = &l->program->options[i];

		if (!o->required || l->sources[i] != CONFIG_FROM_NOTHING)
			continue;
		if (o->flag != NULL)
			return error_set(err, ERR_INVALID, "--%s %s is needed: %s", o->flag,
					 config_value_name(o), o->help);
		return error_set(err, ERR_INVALID, "%s is needed: %s",
				 o->key != NULL ? o->key : o->environment, o->help);
	}
	return 0;
}

/* What was asked to be printed instead of a run. Help wins over mistakes in the rest. */
static bool print_asked(const struct flags *f)
{
	const struct config_program *p = f->loading->program;

	if (f->help)
		config_print_help(p, stdout);
	else if (f->version)
		(void)printf("%s %s\n", p->name, SAMOZA_VERSION);
	else if (f->manual)
		config_print_manual(p, stdout);
	else
		return false;
	return true;
}

int config_load(const struct config_program *program, void *settings, int argc, char **argv,
		struct config_arguments *ret_arguments, struct error **err)
{
	CLEANUP(freep)
	enum config_source *sources =
		mem_new_array(enum config_source, config_option_count(program));
	CLEANUP(freep) unsigned *lines = mem_new_array(unsigned, config_option_count(program));
	struct config_loading loading = {program, settings, sources, lines};
	struct flags flags = {.loading = &loading, .arguments = ret_arguments};
	const char *file = program->has_file ? config_file_path(argc, argv) : NULL;
	int r;

	for (int i = 1; i < argc && !str_equal(argv[i], "--"); i++) {
		if (str_equal(argv[i], "--help") || str_equal(argv[i], "-h"))
			flags.help = true;
	}
	if (print_asked(&flags))
		return CONFIG_DONE;
	load_defaults(&loading);
	r = file != NULL ? config_read_file(&loading, file, err) : 0;
	if (r == 0)
		r = load_environment(&loading, err);
	if (r == 0)
		r = load_flags(&flags, argc, argv, err);
	if (r < 0)
		return r;
	if (print_asked(&flags))
		return CONFIG_DONE;
	if (flags.values) {
		config_print_values(&loading, file, stdout);
		return CONFIG_DONE;
	}
	return check_required(&loading, err);
}

int config_refused(const struct config_program *program, struct error *error)
{
	CLEANUP(freep) char *text = error_text(error);
	CLEANUP(freep) char *safe = text_escaped(text);

	(void)fprintf(stderr, "%s: %s\n%s --help says what there is.\n", program->name, safe,
		      program->name);
	error_free(error);
	return 2;
}
