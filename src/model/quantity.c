#include "model/quantity.h"

#include <stdbool.h>
#include <string.h>

#include "base/str.h"

struct unit {
	const char *name;
	uint64_t factor; /* of the smallest amount */
};

struct quantity {
	const char *what;     /* "an amount of cpu" */
	const char *expected; /* how it is written */
	const char *whole;    /* name of the smallest amount, in the plural */
	uint64_t max;
	const char *max_text;
	const struct unit *units;
	unsigned unit_count;
};

static const struct unit cpu_units[] = {{"m", 1}, {"", 1000}};
static const struct unit memory_units[] = {
	{"KiB", UINT64_C(1) << 10},
	{"MiB", UINT64_C(1) << 20},
	{"GiB", UINT64_C(1) << 30},
	{"TiB", UINT64_C(1) << 40},
	{"kB", 1000},
	{"Ki", UINT64_C(1) << 10},
	{"Mi", UINT64_C(1) << 20},
	{"Gi", UINT64_C(1) << 30},
	{"Ti", UINT64_C(1) << 40},
	{"MB", 1000000},
	{"GB", 1000000000},
	{"TB", UINT64_C(1000000000000)},
	{"B", 1},
	{"", 1},
};
static const struct unit duration_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};
static const struct unit distance_units[] = {{"m", 1}, {"km", 1000}};

static const struct quantity cpu_quantity = {
	.what = "an amount of cpu",
	.expected = "millicores (100m) or cores (2, 0.5)",
	.whole = "millicores",
	.max = CPU_MAX_MILLICORES,
	.max_text = "1000000 cores",
	.units = cpu_units,
	.unit_count = ARRAY_SIZE(cpu_units),
};
static const struct quantity memory_quantity = {
	.what = "an amount of memory",
	.expected = "bytes, or a number with KiB, MiB, GiB, TiB, kB, MB, GB or TB (32MiB)",
	.whole = "bytes",
	.max = MEMORY_MAX_BYTES,
	.max_text = "1024TiB",
	.units = memory_units,
	.unit_count = ARRAY_SIZE(memory_units),
};
static const struct quantity duration_quantity = {
	.what = "a duration",
	.expected = "a number with ms, s, m, h or d (10s)",
	.whole = "milliseconds",
	.max = DURATION_MAX_MS,
	.max_text = "365d",
	.units = duration_units,
	.unit_count = ARRAY_SIZE(duration_units),
};
static const struct quantity distance_quantity = {
	.what = "a distance",
	.expected = "a number with m or km (50km)",
	.whole = "metres",
	.max = DISTANCE_MAX_M,
	.max_text = "40075km",
	.units = distance_units,
	.unit_count = ARRAY_SIZE(distance_units),
};

/* More decimals than this are refused: FRACTION_DIGITS digits times the largest factor fit 64
 * bits. */
#define FRACTION_DIGITS 6

/* Reads digits at *p. False when there are none or they do not fit. */
static bool read_digits(const char **p, unsigned max_digits, uint64_t *ret_value,
			unsigned *ret_digits, bool *ret_overflow)
{
	uint64_t value = 0;
	unsigned digits = 0;

	*ret_overflow = false;
	for (; **p >= '0' && **p <= '9'; (*p)++, digits++) {
		if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value))
			*ret_overflow = true;
	}
	if (digits > max_digits)
		*ret_overflow = true;
	*ret_value = value;
	*ret_digits = digits;
	return digits > 0;
}

static const struct unit *find_unit(const struct quantity *q, const char *name)
{
	for (unsigned i = 0; i < q->unit_count; i++) {
		if (strcmp(q->units[i].name, name) == 0)
			return &q->units[i];
	}
	return NULL;
}

static int not_a_quantity(const struct quantity *q, const char *text, struct error **err)
{
	/* The text is the user's: show no more of it than a person wants to read. */
	return error_set(err, ERR_INVALID, "'%.60s%s' is not %s: expected %s", text,
			 strlen(text) > 60 ? "..." : "", q->what, q->expected);
}

static int quantity_parse(const struct quantity *q, const char *text, uint64_t *ret_value,
			  struct error **err)
{
	const char *p = text;
	uint64_t whole, fraction = 0, scale = 1, value, part;
	unsigned digits, fraction_digits = 0;
	bool overflow, fraction_overflow = false;

	if (!read_digits(&p, 20, &whole, &digits, &overflow))
		return not_a_quantity(q, text, err);
	if (*p == '.') {
		p++;
		if (!read_digits(&p, FRACTION_DIGITS, &fraction, &fraction_digits,
				 &fraction_overflow))
			return not_a_quantity(q, text, err);
	}
	const struct unit *unit = find_unit(q, p);
	if (unit == NULL)
		return not_a_quantity(q, text, err);
	if (fraction_overflow)
		return error_set(err, ERR_INVALID, "'%.60s' has more than %d decimals", text,
				 FRACTION_DIGITS);
	for (unsigned i = 0; i < fraction_digits; i++)
		scale *= 10;
	part = fraction * unit->factor;
	if (part % scale != 0)
		return error_set(err, ERR_INVALID, "'%.60s' is not a whole number of %s", text,
				 q->whole);
	if (overflow || __builtin_mul_overflow(whole, unit->factor, &value) ||
	    __builtin_add_overflow(value, part / scale, &value) || value > q->max)
		return error_set(err, ERR_INVALID, "'%.60s' is too large: at most %s", text,
				 q->max_text);
	*ret_value = value;
	return 0;
}

int cpu_parse(const char *text, uint32_t *ret_millicores, struct error **err)
{
	uint64_t value;
	int r = quantity_parse(&cpu_quantity, text, &value, err);

	if (r < 0)
		return r;
	*ret_millicores = (uint32_t)value;
	return 0;
}

int memory_parse(const char *text, uint64_t *ret_bytes, struct error **err)
{
	return quantity_parse(&memory_quantity, text, ret_bytes, err);
}

int duration_parse(const char *text, uint64_t *ret_ms, struct error **err)
{
	return quantity_parse(&duration_quantity, text, ret_ms, err);
}

int distance_parse(const char *text, uint64_t *ret_m, struct error **err)
{
	return quantity_parse(&distance_quantity, text, ret_m, err);
}

/* With the largest of `units` (ascending factors) that divides `value`. */
static char *format_whole(uint64_t value, const struct unit *units, unsigned count)
{
	const struct unit *best = &units[0];

	for (unsigned i = 0; i < count; i++) {
		if (value != 0 && value % units[i].factor == 0)
			best = &units[i];
	}
	return str_printf("%llu%s", (unsigned long long)(value / best->factor), best->name);
}

char *cpu_format(uint64_t millicores)
{
	return format_whole(millicores, cpu_units, ARRAY_SIZE(cpu_units));
}

char *memory_format(uint64_t bytes)
{
	static const struct unit units[] = {
		{"B", 1},
		{"KiB", UINT64_C(1) << 10},
		{"MiB", UINT64_C(1) << 20},
		{"GiB", UINT64_C(1) << 30},
		{"TiB", UINT64_C(1) << 40},
	};

	return format_whole(bytes, units, ARRAY_SIZE(units));
}

char *duration_format(uint64_t ms)
{
	return format_whole(ms, duration_units, ARRAY_SIZE(duration_units));
}

char *distance_format(uint64_t m)
{
	return format_whole(m, distance_units, ARRAY_SIZE(distance_units));
}
