#include "zrms/openapi.h"

#include <jansson.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/str.h"
#include "core/access/access.h"
#include "core/access/idempotency_keys.h"
#include "proto/view.pb-c.h"
#include "schema/jsonschema.h"
#include "zrms/access.h"
#include "zrms/session_cookie.h"

static void set(json_t *object, const char *key, json_t *value)
{
	/* Fails only for NULL: no memory, or text of ours that is not UTF-8. */
	INVARIANT(json_object_set_new(object, key, value) == 0);
}

/* The document's definitions all stand in one place. */
static char *references_move(const char *text)
{
	static const char from[] = "#/$defs/", to[] = "#/components/schemas/";
	struct buffer out = BUFFER_INIT(16u * 1024 * 1024);
	int r = 0;
	for (const char *at; r == 0 && (at = strstr(text, from)) != NULL;
	     text = at + strlen(from)) {
		r = buffer_add(&out, text, (size_t)(at - text));
		if (r == 0)
			r = buffer_add_string(&out, to);
	}
	if (r == 0)
		r = buffer_add_string(&out, text);
	INVARIANT(r == 0);
	return buffer_steal(&out);
}

/* A text may be written as a number or a word in YAML; in JSON it is a text. */
static void texts_narrow(json_t *schema)
{
	if (json_is_array(json_object_get(schema, "type")))
		set(schema, "type", json_string("string"));
	for (void *at = json_object_iter(schema); at != NULL;
	     at = json_object_iter_next(schema, at))
		texts_narrow(json_object_iter_value(at));
	for (size_t k = 0; k < json_array_size(schema); k++)
		texts_narrow(json_array_get(schema, k));
}

/* Adds the type, and what it refers to, to `schemas`; returns a reference to it. */
static json_t *type_reference(json_t *schemas, const ProtobufCMessageDescriptor *type)
{
	if (json_object_get(schemas, type->short_name) == NULL) {
		CLEANUP(freep) char *own = schema_write_jsonschema(type, NULL, 0);
		CLEANUP(freep) char *moved = references_move(own);
		json_t *root = json_loads(moved, 0, NULL);
		INVARIANT(root != NULL);
		texts_narrow(root);
		const char *key;
		json_t *value;
		json_object_foreach(json_object_get(root, "$defs"), key, value)
			INVARIANT(json_object_set(schemas, key, value) == 0);
		(void)json_object_del(root, "$defs");
		(void)json_object_del(root, "$schema");
		set(schemas, type->short_name, root);
	}
	CLEANUP(freep) char *path = str_printf("#/components/schemas/%s", type->short_name);
	return json_pack("{ss}", "$ref", path);
}

static json_t *content(const char *media_type, json_t *schema)
{
	return json_pack("{s{so}}", media_type, "schema", schema);
}

static json_t *path_parameter(const char *name, size_t size)
{
	return json_pack("{ss%sssbs{ss}}", "name", name, size, "in", "path", "required", 1,
			 "schema", "type", "string");
}

static json_t *query_parameter(const struct http_query *query)
{
	static const char *const types[] = {[HTTP_TEXT] = "string",
					    [HTTP_NUMBER] = "integer",
					    [HTTP_FLAG] = "boolean",
					    [HTTP_LINES] = "string"};
	json_t *schema = json_pack("{ss}", "type", types[query->type]);
	if (query->type == HTTP_NUMBER)
		set(schema, "minimum", json_integer(0));
	return json_pack("{sssssbssso}", "name", query->name, "in", "query", "required", 0,
			 "description", query->summary, "schema", schema);
}

/* Of all that takes one. */
static bool takes_key(const struct http_route *route)
{
	return !str_equal(route->method, "GET") && route->needs != ACCESS_NOBODY &&
	       route->needs != ACCESS_ZHOST;
}

static json_t *key_parameter(void)
{
	return json_pack(
		"{sssssbsss{sssisi}}", "name", REQUEST_KEY_HEADER, "in", "header", "required",
		0, "description",
		"Asked again with the same key within 24 hours, it is carried out once, "
		"and answered as before. A key that another request had: 422; one that is "
		"at work: 409 with Retry-After.",
		"schema", "type", "string", "minLength", 1, "maxLength",
		IDEMPOTENCY_KEY_SIZE_MAX);
}

/* "/v1/a/{path*}" is "/v1/a/{path}" there; its parameters are added to the list. */
static char *path_convert(const char *pattern, json_t *parameters)
{
	CLEANUP(freep) char *path = mem_strdup(pattern);
	char *to = path;
	for (const char *at = pattern; *at != '\0'; at++) {
		if (*at == '*' && at[1] == '}')
			continue;
		if (*at == '{') {
			size_t size = strcspn(at + 1, "*}");
			INVARIANT(json_array_append_new(parameters,
							path_parameter(at + 1, size)) == 0);
		}
		*to++ = *at;
	}
	*to = '\0';
	return steal_ptr(&path);
}

static void query_add(const struct http_query *query, json_t *parameters)
{
	for (; query != NULL && query->name != NULL; query++)
		INVARIANT(json_array_append_new(parameters, query_parameter(query)) == 0);
}

static json_t *request_body(const struct http_route *route, json_t *schemas)
{
	json_t *accepted = NULL;
	if (route->request_type != NULL)
		accepted = content("application/json",
				   type_reference(schemas, route->request_type));
	else if (route->body == HTTP_BODY_SPOOL)
		accepted = content("application/vnd.samoza.mex+zip", json_object());
	return accepted != NULL ? json_pack("{sbso}", "required", 1, "content", accepted)
				: NULL;
}

static json_t *refusal(json_t *schemas)
{
	return json_pack("{ssso}", "description", "Refused, with the reason", "content",
			 content("application/json",
				 type_reference(schemas, &samoza__v1__error_view__descriptor)));
}

/* What any request may meet: itself wrong, from another site, a fault here, not now. */
#define REFUSALS "400 401 403 500 503"

/* A response of this content for each status of the list. */
static void add_responses(json_t *responses, const char *list, json_t *response)
{
	while (list != NULL && *list != '\0') {
		CLEANUP(freep) char *status = mem_strndup(list, 3);
		set(responses, status, json_incref(response));
		list += 3;
		list += *list == ' ';
	}
	json_decref(response);
}

static json_t *responses(const struct http_route *route, json_t *schemas)
{
	json_t *all = json_object();
	json_t *done = json_pack("{ss}", "description", "Done");
	if (route->answer_type != NULL)
		set(done, "content",
		    content("application/json", type_reference(schemas, route->answer_type)));
	add_responses(all, route->done != NULL ? route->done : "200", done);
	add_responses(all, REFUSALS, refusal(schemas));
	add_responses(all, route->refusals, refusal(schemas));
	if (takes_key(route))
		add_responses(all, "409 422", refusal(schemas));
	return all;
}

/* What is enough, one of them: a token, or a session, which shows its word for what changes something. */
static json_t *security(const struct http_route *route)
{
	json_t *all = json_array();
	if (route->needs == ACCESS_NOBODY)
		return all;
	INVARIANT(json_array_append_new(all, json_pack("{s[]}", "token")) == 0);
	/* A session is a person's, and makes no code that would outlive it. */
	if (route->needs == ACCESS_ZHOST || str_equal(route->operation, "makeSignInCode"))
		return all;
	json_t *session = access_is_change(route) ? json_pack("{s[]s[]}", "session", "word")
						  : json_pack("{s[]}", "session");
	INVARIANT(json_array_append_new(all, session) == 0);
	return all;
}

static json_t *security_schemes(void)
{
	return json_pack(
		"{s{ssss}s{ssssssss}s{ssssssss}}", "token", "type", "http", "scheme", "bearer",
		"session", "type", "apiKey", "in", "cookie", "name", "samoza-CLUSTER",
		"description",
		"The cookie that POST /v1/sign-in sets. CLUSTER stands for the first eight "
		"characters of the cluster's id; over TLS the name begins with __Host-.",
		"word", "type", "apiKey", "in", "header", "name", SESSION_WORD_HEADER,
		"description", "The word of the session, which POST /v1/sign-in tells once.");
}

static json_t *operation(const struct http_route *route, json_t *schemas, json_t *parameters)
{
	INVARIANT(route->operation != NULL);
	json_t *o =
		json_pack("{ssss}", "operationId", route->operation, "summary", route->summary);
	query_add(route->query, parameters);
	if (takes_key(route))
		INVARIANT(json_array_append_new(parameters, key_parameter()) == 0);
	if (json_array_size(parameters) > 0)
		set(o, "parameters", json_incref(parameters));
	json_t *body = request_body(route, schemas);
	if (body != NULL)
		set(o, "requestBody", body);
	set(o, "responses", responses(route, schemas));
	set(o, "x-samoza-role", json_string(access_role_name((enum access_role)route->needs)));
	set(o, "security", security(route));
	return o;
}

char *openapi_write(const struct http_route *routes, size_t count, const char *version)
{
	json_t *schemas = json_object(), *paths = json_object();
	for (size_t i = 0; i < count; i++) {
		if (routes[i].summary == NULL)
			continue;
		json_t *parameters = json_array();
		CLEANUP(freep) char *path = path_convert(routes[i].pattern, parameters);
		CLEANUP(freep) char *method = mem_strdup(routes[i].method);
		for (char *c = method; *c != '\0'; c++)
			*c = (char)(*c | 0x20);
		if (json_object_get(paths, path) == NULL)
			set(paths, path, json_object());
		set(json_object_get(paths, path), method,
		    operation(&routes[i], schemas, parameters));
		json_decref(parameters);
	}
	json_t *root = json_pack("{sss{ssss}sos{soso}s[{s[]}]}", "openapi", "3.1.0", "info",
				 "title", "Samoza resource manager", "version", version,
				 "paths", paths, "components", "schemas", schemas,
				 "securitySchemes", security_schemes(), "security", "token");
	INVARIANT(root != NULL);
	char *text = json_dumps(root, JSON_INDENT(2));
	INVARIANT(text != NULL);
	json_decref(root);
	return text;
}
