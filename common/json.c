/* SPDX-License-Identifier: MIT */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/secret.h"
#include "common/utf8.h"

/* What cJSON does not look at. RFC 8259: 7 (control characters in strings), 8.1 (byte order mark).
 */
static const char *fault_in_string(struct str text, size_t *at)
{
	size_t i = *at + 1;
	for (; i < text.n && text.p[i] != '"'; i++) {
		if ((unsigned char)text.p[i] < 0x20)
			return "control character in a string";
		if (text.p[i] != '\\')
			continue;
		/* cJSON would end the string there. */
		if (str_starts(str_skip(text, i), STR("\\u0000")))
			return "NUL in a string";
		i++;
	}
	*at = i;
	return NULL;
}

static const char *fault_in(struct str text)
{
	unsigned depth = 0;
	if (str_chr(text, '\0') >= 0)
		return "NUL byte";
	if (str_starts(text, STR("\xef\xbb\xbf")))
		return "byte order mark";
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		const char *fault = NULL;
		if (c == '"')
			fault = fault_in_string(text, &i);
		else if ((c == '[' || c == '{') && ++depth > JSON_DEPTH_MAX)
			fault = "nested too deeply";
		else if ((c == ']' || c == '}') && depth > 0)
			depth--;
		if (fault != NULL)
			return fault;
	}
	return NULL;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

cJSON *json_parse(struct str text, struct err *err)
{
	const char *end = NULL;
	const char *fault = text.n == 0 ? "empty" : fault_in(text);
	if (fault != NULL) {
		err_set(err, "not JSON: %s", fault);
		return NULL;
	}
	cJSON *value = cJSON_ParseWithLengthOpts(text.p, text.n, &end, false);
	if (value == NULL) {
		size_t at = end != NULL ? (size_t)(end - text.p) : 0;
		err_set(err, "not JSON: error at byte %zu of %zu", at, text.n);
		return NULL;
	}
	struct str rest = str_skip(text, (size_t)(end - text.p));
	while (rest.n != 0 && is_white(rest.p[0]))
		rest = str_skip(rest, 1);
	if (rest.n != 0) {
		cJSON_Delete(value);
		err_set(err, "not JSON: something follows its end");
		return NULL;
	}
	return value;
}

/* The parser limits the depth. */
static void wipe_strings(cJSON *value)
{
	for (; value != NULL; value = value->next) {
		if (value->valuestring != NULL)
			secret_wipe(value->valuestring, strlen(value->valuestring));
		wipe_strings(value->child);
	}
}

void json_delete_wiped(cJSON *value)
{
	wipe_strings(value);
	cJSON_Delete(value);
}

bool json_get_str(const cJSON *object, const char *key, struct str *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	if (!cJSON_IsString(item) || item->valuestring == NULL)
		return false;
	*out = str_of(item->valuestring);
	return true;
}

bool json_get_int(const cJSON *object, const char *key, int64_t *out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	uint64_t digits;
	if (cJSON_IsString(item) && item->valuestring != NULL) {
		if (!str_to_u64(str_of(item->valuestring), INT64_MAX, &digits))
			return false;
		*out = (int64_t)digits;
		return true;
	}
	if (!cJSON_IsNumber(item))
		return false;
	/* 2^63 is the first double above the range; behind it, a conversion is undefined. */
	if (item->valuedouble >= 9223372036854775808.0)
		*out = INT64_MAX;
	else if (item->valuedouble < -9223372036854775808.0)
		*out = INT64_MIN;
	else if ((double)(int64_t)item->valuedouble == item->valuedouble)
		*out = (int64_t)item->valuedouble;
	else
		return false;
	return true;
}

/* RFC 8259 section 7. Whoever prints it prints nothing that a terminal obeys or shows otherwise. */
static void append_escaped(struct strbuf *out, struct str text)
{
	while (text.n != 0) {
		uint32_t point = 0xfffd;
		size_t n = utf8_decode(text, &point);
		if (n == 1 && point != 0x7f)
			strbuf_addc(out, text.p[0]);
		else if (point < 0x10000)
			strbuf_addf(out, "\\u%04x", (unsigned)point);
		else
			strbuf_addf(out, "\\u%04x\\u%04x",
				    (unsigned)(0xd800 + ((point - 0x10000) >> 10)),
				    (unsigned)(0xdc00 + (point & 0x3ff)));
		text = str_skip(text, n != 0 ? n : 1);
	}
}

void json_append(struct strbuf *out, const cJSON *value)
{
	char *text = cJSON_PrintUnformatted(value);
	if (text == NULL)
		abort(); /* out of memory, as in common/mem.c */
	append_escaped(out, str_of(text));
	cJSON_free(text);
}

void json_add_str(cJSON *object, const char *key, struct str value)
{
	/* A byte becomes three at most. */
	char *text = mem_alloc(value.n * 3 + 1);
	size_t used = 0;
	while (value.n != 0) {
		uint32_t point;
		size_t n = utf8_decode(value, &point);
		if (n != 0 && point == 0)
			n = 0; /* cJSON would end the string there */
		if (n == 0)
			memcpy(text + used, "\xef\xbf\xbd", 3);
		else
			memcpy(text + used, value.p, n);
		used += n != 0 ? n : 3;
		value = str_skip(value, n != 0 ? n : 1);
	}
	text[used] = '\0';
	if (cJSON_AddStringToObject(object, key, text) == NULL)
		abort();
	free(text);
}
