#include "schema/number.h"

#include <string.h>

#include "schema/scalar.h"

static struct node plain(const char *text)
{
	return (struct node){.kind = NODE_SCALAR, .text = text, .size = strlen(text)};
}

int number_from_whole(const char *text, int64_t *ret_value)
{
	const struct node node = plain(text);
	return scalar_to_i64(&node, ret_value) == SCALAR_OK ? 0 : -1;
}

int number_from_text(const char *text, double *ret_value)
{
	const struct node node = plain(text);
	return scalar_to_double(&node, ret_value) == SCALAR_OK ? 0 : -1;
}

void number_to_text(double value, char text[32])
{
	double_to_text(value, text);
}
