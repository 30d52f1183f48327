/*
 * Values of options: text to field and back. Used only within this folder.
 */
#ifndef SAMOZA_ADAPTER_CONFIG_VALUE_H
#define SAMOZA_ADAPTER_CONFIG_VALUE_H

#include "adapter/config/config.h"

/* Who set a value; later ones win. */
enum config_source {
	CONFIG_FROM_NOTHING,
	CONFIG_FROM_DEFAULT,
	CONFIG_FROM_FILE,
	CONFIG_FROM_ENVIRONMENT,
	CONFIG_FROM_FLAG,
};

/* One load in progress. `sources` has one entry for each option of the program. */
struct config_loading {
	const struct config_program *program;
	void *settings;
	enum config_source *sources;
	unsigned *lines; /* of the file, for those set by it */
};

size_t config_option_count(const struct config_program *program);

/* Parses `text` into the field of `option`. ERR_INVALID or ERR_DENIED without saying whose
 * value it is: the caller wraps. */
int config_value_set(const struct config_option *option, void *settings, const char *text,
		     struct error **err) must_check;
/* The value as one would write it; NULL when it is unset. The caller frees. */
char *config_value_text(const struct config_option *option, const void *settings);
void config_value_done(const struct config_option *option, void *settings);

/* "DURATION": what stands for the value in help. */
const char *config_value_name(const struct config_option *option);
/* "1s to 1h", or NULL without a range. The caller frees. */
char *config_value_range(const struct config_option *option);

/* Reads the file into what no flag or variable has set. */
int config_read_file(struct config_loading *loading, const char *path,
		     struct error **err) must_check;

void config_print_values(const struct config_loading *loading, const char *file, FILE *out);

#endif
