/*
 * A plot of lines as SVG, without a library: x logarithmic with a tick at each given value, y
 * linear from 0. Its colours fit light and dark pages.
 */
#ifndef SAMOZA_ZBENCH_PLOT_H
#define SAMOZA_ZBENCH_PLOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define PLOT_LINES_MAX 4

struct plot_line {
	const char *name;
	const double *values; /* one for each x, not negative */
};

/* All borrowed. */
struct plot {
	const char *title, *note; /* note: one line below: where and how it was measured */
	const char *x_label, *y_label;
	const uint32_t *x; /* ascending, positive */
	size_t x_count;	   /* at least 2 */
	struct plot_line lines[PLOT_LINES_MAX];
	size_t line_count;
};

/* Replaces the file. */
int plot_write(const struct plot *plot, const char *path, struct error **err) must_check;

#endif
