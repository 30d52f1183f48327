#include "model/parameter/parameters.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "base/text.h"
#include "model/parameter/value_check.h"
#include "model/setting.h"
#include "schema/message.h"

struct parameters {
	const struct values *values; /* borrowed; may be NULL */
	bool allows_unset;
	char *path;
	struct schema_substitution substitution;
	Samoza__V1__ParameterList *declared; /* NULL: not read */
	VECTOR(struct parameter) list;
	VECTOR(char *) owned; /* the values */
};

/* ---- reading what is declared ---- */

/* A finding about a field of the declaration. */
static void declaration_finding(const struct parameters *p,
				const struct schema_positions *document,
				struct diagnostics *findings, size_t index, const char *key,
				const char *message)
{
	struct schema_position at = schema_position_of(document, "%s%sparameters[%zu]%s%s",
						       p->path, p->path[0] != '\0' ? "." : "",
						       index, key[0] != '\0' ? "." : "", key);
	diagnostics_add(findings, at.file, at.line, at.column, "%s", message);
}

struct declaration {
	const struct parameters *p;
	const struct schema_positions *document;
	struct diagnostics *findings;
	size_t index;
};

static void found(const struct declaration *d, const char *key, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void found(const struct declaration *d, const char *key, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	CLEANUP(freep) char *message = str_vprintf(format, args);
	va_end(args);
	declaration_finding(d->p, d->document, d->findings, d->index, key, message);
}

static bool has_number_type(const Samoza__V1__Parameter *one)
{
	return one->type == SAMOZA__V1__PARAMETER_TYPE__PARAMETER_TYPE_INTEGER ||
	       one->type == SAMOZA__V1__PARAMETER_TYPE__PARAMETER_TYPE_NUMBER;
}

/* Whether its rules mean something: only then are values compared with them. */
static bool check_rules(const struct declaration *d, const Samoza__V1__Parameter *one)
{
	size_t before = d->findings->list.count;
	if (one->pattern != NULL &&
	    one->type != SAMOZA__V1__PARAMETER_TYPE__PARAMETER_TYPE_STRING)
		found(d, "pattern", "parameter '%s': a pattern is for type string alone",
		      one->name);
	else if (one->pattern != NULL && !value_pattern_is_valid(one->pattern))
		found(d, "pattern",
		      "parameter '%s': expected a pattern of characters, [sets], groups ( | ) "
		      "and ? * + {m,n}, such as [a-z-]+; there is no '.' and no '\\'",
		      one->name);
	if (one->has_minimum && !has_number_type(one))
		found(d, "minimum",
		      "parameter '%s': a minimum is for types integer and number alone",
		      one->name);
	if (one->has_maximum && !has_number_type(one))
		found(d, "maximum",
		      "parameter '%s': a maximum is for types integer and number alone",
		      one->name);
	if (one->has_minimum && one->has_maximum && one->minimum > one->maximum)
		found(d, "minimum", "parameter '%s': the minimum is above the maximum",
		      one->name);
	return d->findings->list.count == before;
}

static const Samoza__V1__Parameter *find_earlier(const struct parameters *p, size_t index)
{
	const char *name = p->declared->parameters[index]->name;
	for (size_t i = 0; i < index; i++) {
		const Samoza__V1__Parameter *other = p->declared->parameters[i];
		if (other != NULL && str_equal(other->name, name))
			return other;
	}
	return NULL;
}

static bool default_is_quoted(const struct declaration *d)
{
	CLEANUP(freep)
	char *path = str_printf("%s%sparameters[%zu].default", d->p->path,
				d->p->path[0] != '\0' ? "." : "", d->index);
	return schema_is_quoted(d->document, path);
}

static const char *own(struct parameters *p, char *take_value)
{
	vector_push(&p->owned, take_value);
	return take_value;
}

static void take_default(struct parameters *p, const struct declaration *d,
			 struct parameter *parameter)
{
	const Samoza__V1__Parameter *one = parameter->declared;
	CLEANUP(freep) char *wrong = NULL;
	CLEANUP(freep) char *value = NULL;
	if (strstr(one->default_value, "${param.") != NULL) {
		found(d, "default",
		      "parameter '%s': a default cannot depend on another parameter",
		      one->name);
		return;
	}
	const struct raw_value raw = {.text = one->default_value,
				      .quoted = default_is_quoted(d)};
	value = value_check(one, &raw, &wrong);
	if (value == NULL)
		found(d, "default", "the default of parameter '%s': %s", one->name, wrong);
	else
		parameter->value = own(p, steal_ptr(&value));
}

static void take_given(struct parameters *p, struct parameter *parameter,
		       const struct given_value *given, struct diagnostics *findings)
{
	CLEANUP(freep) char *wrong = NULL;
	const struct raw_value raw = {.text = given->text,
				      .quoted = given->quoted,
				      .is_nothing = given->is_nothing,
				      .is_plain_text = given->origin != VALUE_FILE};
	CLEANUP(freep) char *value = value_check(parameter->declared, &raw, &wrong);
	if (value != NULL) {
		parameter->value = own(p, steal_ptr(&value));
		parameter->is_given = true;
	} else {
		value_finding(findings, given, "%s%s", wrong,
			      given->origin == VALUE_KEPT
				      ? "; set another one, or take --reset-values"
				      : "");
	}
}

static void read_one(struct parameters *p, const struct schema_positions *document,
		     size_t index, struct diagnostics *findings)
{
	const Samoza__V1__Parameter *one = p->declared->parameters[index];
	const struct declaration d = {p, document, findings, index};
	if (one == NULL || one->name == NULL)
		return; /* said where the file is read */
	if (find_earlier(p, index) != NULL) {
		found(&d, "name", "there are two parameters named '%s'", one->name);
		return;
	}
	vector_push(&p->list, (struct parameter){.declared = one});
	struct parameter *parameter = vector_last(&p->list);
	if (!check_rules(&d, one))
		return;
	if (one->default_value != NULL)
		take_default(p, &d, parameter);
	const struct given_value *given =
		p->values != NULL ? values_find(p->values, one->name) : NULL;
	if (given != NULL) {
		take_given(p, parameter, given, findings);
	} else if (one->default_value == NULL && !p->allows_unset) {
		CLEANUP(freep) char *expects = parameter_expects(one);
		found(&d, "",
		      "parameter '%s' has no default and must be set: --set %s=VALUE, or %s: "
		      "VALUE in a file of --values; expected a value of type %s",
		      one->name, one->name, one->name, expects);
	}
}

/* ---- names ---- */

static const struct parameter *find(const struct parameters *p, const char *name)
{
	vector_for_each (&p->list, one)
		if (strcmp(one->declared->name, name) == 0)
			return one;
	return NULL;
}

static char *hint(void *user, const char *name)
{
	const struct parameters *p = user;
	unsigned best = strlen(name) <= 3 ? 2 : 3;
	const char *meant = NULL;
	if (p->list.count == 0)
		return mem_strdup("; the topology declares none");
	vector_for_each (&p->list, one) {
		const char *known = one->declared->name;
		unsigned distance = strlen(name) > 64		   ? best
				    : strcasecmp(name, known) == 0 ? 0
								   : str_distance(name, known);
		if (distance < best && distance < strlen(known)) {
			best = distance;
			meant = known;
		}
	}
	if (meant != NULL)
		return str_printf("; did you mean '%s'?", meant);
	struct buffer all = BUFFER_INIT(16 * 1024);
	vector_for_each (&p->list, one)
		(void)buffer_printf(&all, "%s%s", all.size == 0 ? "; known: " : ", ",
				    one->declared->name);
	return buffer_steal(&all);
}

static void find_unknown(const struct parameters *p, struct diagnostics *findings)
{
	if (p->values == NULL)
		return;
	vector_for_each (&p->values->list, value) {
		if (value->origin == VALUE_KEPT || find(p, value->name) != NULL)
			continue;
		CLEANUP(freep) char *what = hint((void *)(uintptr_t)p, value->name);
		value_finding(findings, value, "there is no such parameter%s", what);
	}
}

/* ---- the substitution ---- */

static void begin(void *user, const struct schema_positions *document,
		  struct diagnostics *findings)
{
	struct parameters *p = user;
	ProtobufCMessage *message = NULL;
	if (p->declared != NULL)
		return;
	/* What is wrong with its form is said where the file is read. */
	int r = schema_read_part(document, p->path, &samoza__v1__parameter_list__descriptor,
				 SCHEMA_KEEP | SCHEMA_SOME_KEYS, NULL, NULL, &message, NULL);
	p->declared = (Samoza__V1__ParameterList *)message;
	for (size_t i = 0; i < p->declared->n_parameters; i++)
		read_one(p, document, i, findings);
	if (r >= 0)
		find_unknown(p, findings);
}

static enum schema_parameter look_up(void *user, const char *name, const char **ret_value)
{
	const struct parameter *one = find(user, name);
	if (one == NULL)
		return SCHEMA_PARAMETER_UNKNOWN;
	if (one->value == NULL)
		return SCHEMA_PARAMETER_UNSET;
	*ret_value = one->value;
	return one->declared->type == SAMOZA__V1__PARAMETER_TYPE__PARAMETER_TYPE_STRING
		       ? SCHEMA_PARAMETER_TEXT
		       : SCHEMA_PARAMETER_PLAIN;
}

struct parameters *parameters_new(const struct values *values, bool allows_unset,
				  const char *path)
{
	struct parameters *p = mem_new(struct parameters);
	*p = (struct parameters){.values = values,
				 .allows_unset = allows_unset,
				 .path = mem_strdup(path),
				 .substitution = {.user = p,
						  .begin = begin,
						  .find = look_up,
						  .hint = hint,
						  .quote = setting_quote}};
	return p;
}

void parameters_free(struct parameters *p)
{
	if (p == NULL)
		return;
	vector_for_each (&p->owned, value)
		free(*value);
	vector_done(&p->owned);
	vector_done(&p->list);
	schema_message_free(p->declared);
	free(p->path);
	free(p);
}

void parameters_freep(struct parameters **p)
{
	parameters_free(*p);
}

const struct schema_substitution *parameters_substitution(const struct parameters *p)
{
	return &p->substitution;
}

size_t parameters_count(const struct parameters *p)
{
	return p->list.count;
}

const struct parameter *parameters_at(const struct parameters *p, size_t index)
{
	PRE(index < p->list.count);
	return &p->list.items[index];
}

void parameters_drop(Samoza__V1__Topology *t)
{
	for (size_t i = 0; i < t->n_parameters; i++)
		schema_message_free(t->parameters[i]);
	free(t->parameters);
	t->parameters = NULL;
	t->n_parameters = 0;
}
