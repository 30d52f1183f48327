#include "zbench/plot.h"

#include <math.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"

enum { WIDTH = 720, HEIGHT = 400, LEFT = 70, RIGHT = 30, TOP = 50, BOTTOM = 90 };

static const char style[] =
	"<style>\n"
	"  text { font: 13px sans-serif; fill: #24292f }\n"
	"  .title { font-size: 16px; font-weight: bold }\n"
	"  .note { font-size: 11px; fill: #57606a }\n"
	"  .paper { fill: #ffffff }\n"
	"  .grid { stroke: #d0d7de; stroke-width: 1 }\n"
	"  .axis { stroke: #57606a; stroke-width: 1 }\n"
	"  .line { fill: none; stroke-width: 2.5 }\n"
	"  .c0 { stroke: #0969da } .c1 { stroke: #bc4c00 } .c2 { stroke: #1a7f37 } "
	".c3 { stroke: #8250df }\n"
	"  circle { fill: #ffffff; stroke-width: 2 }\n"
	"  @media (prefers-color-scheme: dark) {\n"
	"    text { fill: #e6edf3 } .note { fill: #9198a1 }\n"
	"    .paper, circle { fill: #0d1117 }\n"
	"    .grid { stroke: #30363d } .axis { stroke: #9198a1 }\n"
	"    .c0 { stroke: #58a6ff } .c1 { stroke: #f0883e } .c2 { stroke: #3fb950 } "
	".c3 { stroke: #bc8cff }\n"
	"  }\n"
	"</style>\n";

static void add_text(struct buffer *b, const char *class, double x, double y,
		     const char *anchor, const char *text)
{
	(void)buffer_printf(b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">",
			    class, x, y, anchor);
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '&' || *c == '<')
			(void)buffer_add_string(b, *c == '&' ? "&amp;" : "&lt;");
		else
			(void)buffer_printf(b, "%c", *c);
	}
	(void)buffer_add_string(b, "</text>\n");
}

/* 1, 2 or 5 times a power of ten, so that some five of them reach `most`. */
static double step_for(double most)
{
	double power = pow(10, floor(log10(most / 5)));
	double part = most / 5 / power;
	return power * (part <= 1 ? 1 : part <= 2 ? 2 : part <= 5 ? 5 : 10);
}

static double at_x(const struct plot *p, uint32_t x)
{
	double first = log10(p->x[0]), last = log10(p->x[p->x_count - 1]);
	return LEFT + (WIDTH - LEFT - RIGHT) * (log10(x) - first) / (last - first);
}

static double at_y(double value, double top)
{
	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top;
}

static char *thousands(uint32_t value)
{
	return value < 1000 ? str_printf("%u", value)
			    : str_printf("%u,%03u", value / 1000, value % 1000);
}

static void add_grid(struct buffer *b, const struct plot *p, double step, double top)
{
	for (unsigned i = 0; i * step <= top + step / 2; i++) {
		double value = i * step;
		CLEANUP(freep) char *text = str_printf("%.4g", value);
		double y = at_y(value, top);
		(void)buffer_printf(b,
				    "<line class=\"%s\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" "
				    "y2=\"%.1f\"/>\n",
				    value > 0 ? "grid" : "axis", LEFT, y, WIDTH - RIGHT, y);
		add_text(b, "tick", LEFT - 8, y + 4, "end", text);
	}
	for (size_t i = 0; i < p->x_count; i++) {
		CLEANUP(freep) char *text = thousands(p->x[i]);
		double x = at_x(p, p->x[i]);
		(void)buffer_printf(b,
				    "<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" "
				    "y2=\"%d\"/>\n",
				    x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5);
		add_text(b, "tick", x, HEIGHT - BOTTOM + 20, "middle", text);
	}
	add_text(b, "label", (double)(LEFT + WIDTH - RIGHT) / 2, HEIGHT - BOTTOM + 40, "middle",
		 p->x_label);
	(void)buffer_printf(b, "<g transform=\"translate(20 %d) rotate(-90)\">",
			    (TOP + HEIGHT - BOTTOM) / 2);
	add_text(b, "label", 0, 0, "middle", p->y_label);
	(void)buffer_add_string(b, "</g>\n");
}

static void add_line(struct buffer *b, const struct plot *p, size_t number, double top)
{
	const struct plot_line *line = &p->lines[number];
	(void)buffer_printf(b, "<polyline class=\"line c%zu\" points=\"", number);
	for (size_t i = 0; i < p->x_count; i++)
		(void)buffer_printf(b, "%s%.1f,%.1f", i > 0 ? " " : "", at_x(p, p->x[i]),
				    at_y(line->values[i], top));
	(void)buffer_add_string(b, "\"/>\n");
	for (size_t i = 0; i < p->x_count; i++) {
		CLEANUP(freep) char *x = thousands(p->x[i]);
		(void)buffer_printf(b,
				    "<circle class=\"c%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\">"
				    "<title>%s: %.3g</title></circle>\n",
				    number, at_x(p, p->x[i]), at_y(line->values[i], top), x,
				    line->values[i]);
	}
	int y = HEIGHT - BOTTOM + 60;
	int x = LEFT + (int)number * (WIDTH - LEFT - RIGHT) / (int)p->line_count;
	(void)buffer_printf(
		b, "<line class=\"line c%zu\" x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\"/>\n",
		number, x, y, x + 26, y);
	add_text(b, "legend", x + 33, y + 4, "start", line->name);
}

int plot_write(const struct plot *p, const char *path, struct error **err)
{
	CLEANUP(buffer_done) struct buffer b = BUFFER_INIT(1 << 20);
	double most = 0;
	PRE(p->x_count >= 2 && p->line_count > 0 && p->line_count <= PLOT_LINES_MAX);
	for (size_t n = 0; n < p->line_count; n++) {
		for (size_t i = 0; i < p->x_count; i++)
			most = fmax(most, p->lines[n].values[i]);
	}
	PRE(most > 0);
	double step = step_for(most), top = step * ceil(most / step);
	(void)buffer_printf(&b,
			    "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" "
			    "width=\"%d\" height=\"%d\" role=\"img\">\n",
			    WIDTH, HEIGHT, WIDTH, HEIGHT);
	(void)buffer_add_string(&b, style);
	(void)buffer_add_string(&b, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n");
	add_text(&b, "title", LEFT, 28, "start", p->title);
	add_grid(&b, p, step, top);
	for (size_t n = 0; n < p->line_count; n++)
		add_line(&b, p, n, top);
	add_text(&b, "note", LEFT, HEIGHT - 8, "start", p->note);
	(void)buffer_add_string(&b, "</svg>\n");
	FILE *file = fopen(path, "we");
	if (file == NULL)
		return error_errno(err, "cannot write %s", path);
	bool whole = fwrite(b.data, 1, b.size, file) == b.size;
	if (fclose(file) != 0 || !whole)
		return error_errno(err, "cannot write %s", path);
	return 0;
}
