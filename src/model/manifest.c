#include "model/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "schema/message.h"

/* ---- Versions ---- */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool take_number(const char **p, uint64_t *ret_value)
{
	const char *start = *p;

	while (is_digit(**p))
		(*p)++;
	size_t digits = (size_t)(*p - start);
	if (digits == 0 || digits > 18 || (digits > 1 && start[0] == '0'))
		return false;
	char *text = mem_strndup(start, digits);
	bool good = str_to_u64(text, ret_value) == 0;
	free(text);
	return good;
}

/* Identifiers between dots; numeric ones without leading zeros unless `zeros`. */
static char *take_identifiers(const char **p, bool zeros)
{
	const char *start = *p;

	for (;;) {
		const char *identifier = *p;
		bool numeric = true;

		for (; is_digit(**p) || **p == '-' || (**p >= 'a' && **p <= 'z') ||
		       (**p >= 'A' && **p <= 'Z');
		     (*p)++)
			numeric = numeric && is_digit(**p);
		if (*p == identifier ||
		    (numeric && !zeros && *p - identifier > 1 && identifier[0] == '0'))
			return NULL;
		if (**p != '.')
			return mem_strndup(start, (size_t)(*p - start));
		(*p)++;
	}
}

static bool parse_version(const char *p, struct version *v)
{
	if (!take_number(&p, &v->major) || *p++ != '.' || !take_number(&p, &v->minor) ||
	    *p++ != '.' || !take_number(&p, &v->patch))
		return false;
	if (*p == '-') {
		p++;
		v->prerelease = take_identifiers(&p, false);
		if (v->prerelease == NULL)
			return false;
	}
	if (*p == '+') {
		p++;
		v->build = take_identifiers(&p, true);
		if (v->build == NULL)
			return false;
	}
	return *p == '\0';
}

int version_parse(const char *text, struct version *ret_version, struct error **err)
{
	struct version v = {0};

	if (strlen(text) > 255 || !parse_version(text, &v)) {
		version_done(&v);
		return error_set(err, ERR_INVALID,
				 "'%.60s' is not a semantic version such as 1.2.0", text);
	}
	if (v.prerelease == NULL)
		v.prerelease = mem_strdup("");
	if (v.build == NULL)
		v.build = mem_strdup("");
	*ret_version = v;
	return 0;
}

void version_done(struct version *v)
{
	free(v->prerelease);
	free(v->build);
	*v = (struct version){0};
}

/* Numeric identifiers are lower than others, and compare as numbers. */
static int compare_identifiers(const char *a, size_t a_size, const char *b, size_t b_size)
{
	bool a_numeric = strspn(a, "0123456789") >= a_size;
	bool b_numeric = strspn(b, "0123456789") >= b_size;

	if (a_numeric != b_numeric)
		return a_numeric ? -1 : 1;
	if (a_numeric && a_size != b_size)
		return a_size < b_size ? -1 : 1; /* no leading zeros: longer is larger */
	int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
	if (order != 0)
		return order;
	return (a_size > b_size) - (a_size < b_size);
}

static int compare_prereleases(const char *a, const char *b)
{
	if (a[0] == '\0' || b[0] == '\0')
		return (a[0] == '\0') - (b[0] == '\0'); /* a release is higher */
	while (*a != '\0' && *b != '\0') {
		size_t a_size = strcspn(a, "."), b_size = strcspn(b, ".");
		int order = compare_identifiers(a, a_size, b, b_size);

		if (order != 0)
			return order;
		a += a_size + (a[a_size] == '.');
		b += b_size + (b[b_size] == '.');
	}
	return (*a != '\0') - (*b != '\0');
}

int version_compare(const struct version *a, const struct version *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	if (a->patch != b->patch)
		return a->patch < b->patch ? -1 : 1;
	return compare_prereleases(a->prerelease, b->prerelease);
}

/* ---- Paths ---- */

static bool is_utf8(const unsigned char *p)
{
	while (*p != '\0') {
		unsigned extra;
		uint32_t c;

		if (*p < 0x80) {
			p++;
			continue;
		}
		if (*p >= 0xc2 && *p <= 0xdf) {
			extra = 1;
			c = *p & 0x1fu;
		} else if (*p >= 0xe0 && *p <= 0xef) {
			extra = 2;
			c = *p & 0x0fu;
		} else if (*p >= 0xf0 && *p <= 0xf4) {
			extra = 3;
			c = *p & 0x07u;
		} else {
			return false;
		}
		p++;
		for (unsigned i = 0; i < extra; i++, p++) {
			if ((*p & 0xc0) != 0x80)
				return false;
			c = c << 6 | (*p & 0x3fu);
		}
		/* Written longer than needed, half of a surrogate pair, or past the end. */
		if ((extra == 2 && c < 0x800) || (extra == 3 && c < 0x10000) ||
		    (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
			return false;
	}
	return true;
}

static const char *path_fault(const char *path)
{
	if (path[0] == '\0')
		return "an empty path";
	if (strlen(path) > PACKAGE_PATH_MAX_BYTES)
		return "a path longer than 1024 bytes";
	if (path[0] == '/')
		return "an absolute path";
	for (const char *p = path; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "a control character in a path";
		if (*p == '\\')
			return "a backslash in a path";
		if (*p == ':')
			return "a ':' in a path";
	}
	unsigned parts = 0;
	for (const char *part = path;;) {
		size_t size = strcspn(part, "/");

		if (size == 0)
			return "an empty part in a path";
		if (size == 1 && part[0] == '.')
			return "'.' in a path";
		if (size == 2 && part[0] == '.' && part[1] == '.')
			return "'..' in a path";
		if (++parts > PACKAGE_PATH_MAX_PARTS)
			return "a path of more than 32 parts";
		if (part[size] == '\0')
			break;
		part += size + 1;
	}
	return is_utf8((const unsigned char *)path) ? NULL : "a path that is not UTF-8";
}

int package_path_check(const char *path, struct error **err)
{
	const char *fault = path_fault(path);
	char shown[81];

	if (fault == NULL)
		return 0;
	/* Fit for a terminal. */
	size_t size = 0;
	for (; size < sizeof(shown) - 1 && path[size] != '\0'; size++) {
		unsigned char c = (unsigned char)path[size];
		shown[size] = c >= 0x20 && c < 0x7f ? path[size] : '?';
	}
	shown[size] = '\0';
	return error_set(err, ERR_INVALID, "%s: '%s'", fault, shown);
}

/* ---- Manifest ---- */

struct compile {
	const struct schema_positions *positions;
	struct diagnostics findings;
};

__attribute__((format(printf, 3, 4))) static void add(struct compile *c, const char *path,
						      const char *format, ...)
{
	struct schema_position at = schema_position_of(c->positions, "%s", path);
	va_list args;

	if (c->findings.list.count >= SCHEMA_FINDINGS_MAX)
		return;
	va_start(args, format);
	char *message = str_vprintf(format, args);
	va_end(args);
	if (at.line > 0)
		diagnostics_add(&c->findings, at.file, at.line, at.column, "%s", message);
	else
		diagnostics_add(&c->findings, NULL, 0, 0, "%s: %s", path, message);
	free(message);
}

static bool is_time(const char *text)
{
	static const unsigned days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day, hour, minute, second;
	int used = 0;

	if (sscanf(text, "%4u-%2u-%2uT%2u:%2u:%2u%n", &year, &month, &day, &hour, &minute,
		   &second, &used) != 6 ||
	    used != 19)
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1] || hour > 23 ||
	    minute > 59 || second > 60)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return month != 2 || day < 29 || leap;
}

static void compile_metadata(struct compile *c, const Samoza__V1__ManifestMetadata *in,
			     struct manifest *m)
{
	struct error *err = NULL;

	m->name = mem_strdup(in->name);
	m->version_text = mem_strdup(in->version);
	m->publisher = mem_strdup(in->publisher != NULL ? in->publisher : "");
	m->created = mem_strdup(in->created != NULL ? in->created : "");
	if (version_parse(in->version, &m->version, &err) < 0) {
		add(c, "metadata.version", "%s", err->message);
		error_free(err);
	}
	if (m->created[0] != '\0' && !is_time(m->created))
		add(c, "metadata.created", "'%s' is not a valid time", m->created);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void compile_spec(struct compile *c, const Samoza__V1__ManifestSpec *in,
			 struct manifest *m)
{
	struct error *err = NULL;
	const char **sorted = mem_new_array(const char *, in->n_spaces + 1);

	m->topology_path =
		mem_strdup(str_is_empty(in->topology) ? "topology.yaml" : in->topology);
	if (package_path_check(m->topology_path, &err) < 0) {
		add(c, "spec.topology", "%s", err->message);
		error_free(err);
	}
	m->spaces = mem_new_array(char *, in->n_spaces + 1);
	for (size_t i = 0; i < in->n_spaces; i++) {
		m->spaces[m->space_count++] = mem_strdup(in->spaces[i]);
		sorted[i] = in->spaces[i];
	}
	qsort(sorted, in->n_spaces, sizeof(sorted[0]), compare_strings);
	for (size_t i = 1; i < in->n_spaces; i++) {
		if (strcmp(sorted[i], sorted[i - 1]) == 0)
			add(c, "spec.spaces", "space '%s' is listed twice", sorted[i]);
	}
	free(sorted);
}

static int compare_files(const void *a, const void *b)
{
	const struct manifest_file *x = a, *y = b;
	int order = strcmp(x->path, y->path);

	return order != 0 ? order : (x->item > y->item) - (x->item < y->item);
}

static void compile_integrity(struct compile *c, const Samoza__V1__Integrity *in,
			      struct manifest *m)
{
	char at[64];

	m->has_integrity = true;
	m->files = mem_new_array(struct manifest_file, in->n_files + 1);
	for (size_t i = 0; i < in->n_files; i++) {
		struct manifest_file *file = &m->files[m->file_count++];
		struct error *err = NULL;

		(void)snprintf(at, sizeof(at), "integrity.files[%zu].path", i);
		file->path = mem_strdup(in->files[i]->path);
		file->item = (unsigned)i;
		(void)snprintf(file->hash, sizeof(file->hash), "%s", in->files[i]->hash);
		if (package_path_check(file->path, &err) < 0) {
			add(c, at, "%s", err->message);
			error_free(err);
		}
		if (strcmp(file->path, "manifest.yaml") == 0)
			add(c, at, "the manifest cannot be in its own list");
	}
	qsort(m->files, m->file_count, sizeof(m->files[0]), compare_files);
	for (unsigned i = 1; i < m->file_count; i++) {
		(void)snprintf(at, sizeof(at), "integrity.files[%u].path", m->files[i].item);
		if (strcmp(m->files[i].path, m->files[i - 1].path) == 0)
			add(c, at, "file '%s' is listed twice", m->files[i].path);
	}
}

static void compile_rollout(struct compile *c, const Samoza__V1__Rollout *in,
			    struct manifest *m)
{
	CLEANUP(error_freep) struct error *err = NULL;
	if (rollout_spec_read(in, &m->rollout, &err) < 0)
		add(c, "rollout", "%s", err->message);
	if (in != NULL)
		m->rollout_message = (Samoza__V1__Rollout *)schema_message_copy(&in->base);
}

int manifest_compile(const Samoza__V1__Manifest *in, const struct schema_positions *positions,
		     struct diagnostics *findings, struct manifest *ret_manifest,
		     struct error **err)
{
	struct compile c = {.positions = positions};
	struct manifest m = {0};
	int r = 0;

	compile_metadata(&c, in->metadata, &m);
	compile_spec(&c, in->spec, &m);
	compile_rollout(&c, in->rollout, &m);
	if (in->integrity != NULL)
		compile_integrity(&c, in->integrity, &m);
	if (in->signature != NULL) {
		m.has_signature = true;
		m.public_key = mem_strdup(in->signature->public_key);
		m.signature = mem_strdup(in->signature->signature);
	}
	if (c.findings.list.count == 0) {
		*ret_manifest = m;
	} else {
		manifest_done(&m);
		diagnostics_sort(&c.findings);
		r = diagnostics_error(&c.findings, err);
		if (findings != NULL) {
			vector_for_each (&c.findings.list, d)
				diagnostics_add(findings, d->file, d->line, d->column, "%s",
						d->message);
		}
	}
	diagnostics_done(&c.findings);
	return r;
}

void manifest_done(struct manifest *m)
{
	free(m->name);
	free(m->version_text);
	version_done(&m->version);
	free(m->publisher);
	free(m->created);
	free(m->topology_path);
	for (unsigned i = 0; i < m->space_count; i++)
		free(m->spaces[i]);
	free(m->spaces);
	for (unsigned i = 0; i < m->file_count; i++)
		free(m->files[i].path);
	free(m->files);
	free(m->public_key);
	free(m->signature);
	schema_message_free(m->rollout_message);
	*m = (struct manifest){0};
}

const struct manifest_file *manifest_find_file(const struct manifest *m, const char *path)
{
	struct manifest_file key = {.path = (char *)path};
	size_t low = 0, high = m->file_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(m->files[middle].path, key.path);

		if (order == 0)
			return &m->files[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

int manifest_signed_size(const char *text, size_t size, size_t *ret_size, struct error **err)
{
	static const char key[] = "signature:";
	size_t start = SIZE_MAX;
	unsigned line = 1;

	for (size_t at = 0; at < size; line++) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t next = end != NULL ? (size_t)(end - text) + 1 : size;
		bool is_key = size - at >= sizeof(key) - 1 &&
			      memcmp(text + at, key, sizeof(key) - 1) == 0;

		if (is_key && start != SIZE_MAX)
			return error_set_at(err, ERR_INVALID, "manifest.yaml", line, 1,
					    "there are two lines that begin with 'signature:'");
		if (is_key)
			start = at;
		else if (start != SIZE_MAX && text[at] != ' ' && text[at] != '\n' &&
			 text[at] != '\r' && text[at] != '}')
			return error_set_at(
				err, ERR_INVALID, "manifest.yaml", line, 1,
				"the signature must be the last block of the file, but "
				"something follows it");
		at = next;
	}
	*ret_size = start != SIZE_MAX ? start : size;
	return 0;
}
