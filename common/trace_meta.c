/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/trace_meta_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/trace_format.h"

void strings_free(char **strings, size_t count)
{
	for (size_t i = 0; strings && i < count; i++)
		free(strings[i]);
	free(strings);
}

char **cbor_in_strings(struct cbor_in *in, size_t *ret_count)
{
	size_t count = cbor_in_array(in, SIZE_MAX);
	char **strings = cbor_in_alloc(in, count, sizeof(*strings));

	if (!strings)
		return NULL;
	*ret_count = count;
	for (size_t i = 0; i < count; i++)
		strings[i] = cbor_in_string(in, META_STRING_MAX);
	return strings;
}

/* A map with text keys: calls `field` at each value, which skips what it does not know. */
typedef void (*field_func)(struct cbor_in *in, const char *key, size_t len, void *context);

static void each_field(struct cbor_in *in, field_func field, void *context)
{
	u64 count = cbor_in_map(in, UINT64_MAX);

	for (; count && !in->error; count--) {
		size_t len = 0;
		const char *key = (const char *)cbor_in_bytes(in, &len);

		if (key)
			field(in, key, len, context);
	}
}

static bool key_is(const char *key, size_t len, const char *name)
{
	return len == strlen(name) && !memcmp(key, name, len);
}

/* A key that occurs twice must not leak the first string. */
static void set_string(struct cbor_in *in, char **string)
{
	free(*string);
	*string = cbor_in_string(in, META_STRING_MAX);
}

static void machine_field(struct cbor_in *in, const char *key, size_t len, void *context)
{
	struct trace_meta *meta = context;

	if (key_is(key, len, "machine"))
		set_string(in, &meta->machine);
	else if (key_is(key, len, "endian"))
		meta->big_endian = cbor_in_uint(in, 1);
	else if (key_is(key, len, "pointer"))
		meta->pointer_size = cbor_in_uint(in, 16);
	else if (key_is(key, len, "page"))
		meta->page_size = cbor_in_uint(in, UINT32_MAX);
	else if (key_is(key, len, "cpus"))
		meta->cpu_count = cbor_in_uint(in, UINT32_MAX);
	else
		cbor_in_skip(in);
}

static void host_field(struct cbor_in *in, const char *key, size_t len, void *context)
{
	struct trace_meta *meta = context;
	const struct {
		const char *key;
		char **value;
	} rows[] = {
		{ "hostname", &meta->hostname },      { "release", &meta->kernel_release },
		{ "version", &meta->kernel_version }, { "machine_id", &meta->machine_id },
		{ "boot_id", &meta->boot_id },	      { "distribution", &meta->distribution },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (key_is(key, len, rows[i].key)) {
			set_string(in, rows[i].value);
			return;
		}
	}
	cbor_in_skip(in);
}

static void clock_field(struct cbor_in *in, const char *key, size_t len, void *context)
{
	struct trace_meta *meta = context;
	s64 offset_s;

	if (key_is(key, len, "trace_clock")) {
		set_string(in, &meta->trace_clock);
	} else if (key_is(key, len, "utc_offset_s")) {
		offset_s = cbor_in_int(in);
		/* No place on Earth is a day away: calculations rely on it. */
		meta->utc_offset_s = offset_s > -86400 && offset_s < 86400 ? offset_s : 0;
	} else {
		cbor_in_skip(in);
	}
}

static void get_options(struct cbor_in *in, struct trace_meta *meta)
{
	u64 count = cbor_in_array(in, UINT64_MAX);

	if (meta->options) {
		in->error = -EBADMSG;
		return;
	}
	meta->options = cbor_in_alloc(in, count, sizeof(*meta->options));
	if (!meta->options)
		return;
	meta->option_count = count;
	for (u64 i = 0; i < count && !in->error; i++) {
		u64 parts = cbor_in_array(in, UINT64_MAX);

		meta->options[i].name = cbor_in_string(in, META_STRING_MAX);
		meta->options[i].value = cbor_in_string(in, META_STRING_MAX);
		cbor_in_skip_rest(in, parts, 2);
	}
}

static void recording_field(struct cbor_in *in, const char *key, size_t len, void *context)
{
	struct trace_meta *meta = context;

	if (key_is(key, len, "argv") && !meta->argv)
		meta->argv = cbor_in_strings(in, &meta->argc);
	else if (key_is(key, len, "cwd"))
		set_string(in, &meta->cwd);
	else if (key_is(key, len, "pid"))
		meta->command_pid = cbor_in_uint(in, UINT32_MAX);
	else if (key_is(key, len, "options"))
		get_options(in, meta);
	else
		cbor_in_skip(in);
}

static void get_constants(struct cbor_in *in, struct trace_constant **constants, size_t *count)
{
	u64 n = cbor_in_map(in, 65536);

	if (*constants) {
		in->error = -EBADMSG;
		return;
	}
	*constants = cbor_in_alloc(in, n, sizeof(**constants));
	if (!*constants)
		return;
	*count = n;
	for (u64 i = 0; i < n && !in->error; i++) {
		(*constants)[i].value = cbor_in_uint(in, UINT32_MAX);
		(*constants)[i].name = cbor_in_string(in, SCHEMA_NAME_MAX);
	}
}

static void get_uuid(struct cbor_in *in, struct trace_meta *meta)
{
	size_t len = 0;
	const u8 *data = cbor_in_bytes(in, &len);

	if (data && len == sizeof(meta->uuid))
		memcpy(meta->uuid, data, sizeof(meta->uuid));
	else
		in->error = -EBADMSG;
}

static void meta_value(struct cbor_in *in, u64 key, struct trace_meta *meta)
{
	switch (key) {
	case META_UUID:
		get_uuid(in, meta);
		break;
	case META_CREATED:
		meta->created_wall_ns = cbor_in_int(in);
		break;
	case META_MACHINE:
		each_field(in, machine_field, meta);
		break;
	case META_HOST:
		each_field(in, host_field, meta);
		break;
	case META_CLOCK:
		each_field(in, clock_field, meta);
		break;
	case META_KINDS:
		schema_decode(in, &meta->schema);
		break;
	case META_SYSCALLS:
		syscall_tables_decode(in, meta);
		break;
	case META_ERRNOS:
		get_constants(in, &meta->errnos, &meta->errno_count);
		break;
	case META_SIGNALS:
		get_constants(in, &meta->signals, &meta->signal_count);
		break;
	case META_RECORDING:
		each_field(in, recording_field, meta);
		break;
	default:
		cbor_in_skip(in);
	}
}

/* What must be looked at first: may this version read the rest at all? */
static void get_version(struct cbor_in *in, struct trace_meta *meta, bool *ret_foreign)
{
	u64 count = cbor_in_map(in, UINT64_MAX), parts;
	bool versioned = false;

	for (; count && !in->error; count--) {
		switch (cbor_in_uint(in, UINT64_MAX)) {
		case META_VERSION:
			parts = cbor_in_array(in, UINT64_MAX);
			meta->major = cbor_in_uint(in, UINT16_MAX);
			meta->minor = cbor_in_uint(in, UINT16_MAX);
			cbor_in_skip_rest(in, parts, 2);
			versioned = true;
			*ret_foreign |= meta->major > TRACE_VERSION_MAJOR;
			break;
		case META_FEATURES:
			/* None is defined in version 1. */
			parts = cbor_in_array(in, UINT64_MAX);
			*ret_foreign |= parts > 0;
			cbor_in_skip_rest(in, parts, 0);
			break;
		case META_PRODUCER:
			set_string(in, &meta->producer);
			break;
		default:
			cbor_in_skip(in);
		}
	}
	if (!versioned)
		in->error = -EBADMSG;
}

static void fill_missing(struct trace_meta *meta)
{
	char **strings[] = {
		&meta->producer,       &meta->machine,	  &meta->hostname, &meta->kernel_release,
		&meta->kernel_version, &meta->machine_id, &meta->boot_id,  &meta->distribution,
		&meta->trace_clock,    &meta->cwd,
	};

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		if (!*strings[i])
			*strings[i] = xstrdup("");
}

int trace_meta_decode(const u8 *data, size_t len, struct trace_meta **ret_meta)
{
	struct trace_meta *meta;
	bool foreign = false;
	struct cbor_in in;
	u64 count, key;

	if (len > TRACE_HEADER_MAX)
		return -E2BIG;
	if (cbor_check(data, len))
		return -EBADMSG;
	meta = xcalloc(1, sizeof(*meta));
	cbor_in_init(&in, data, len, META_BUDGET);
	get_version(&in, meta, &foreign);
	if (!in.error && !foreign) {
		cbor_in_init(&in, data, len, in.budget);
		for (count = cbor_in_map(&in, UINT64_MAX); count && !in.error; count--) {
			key = cbor_in_uint(&in, UINT64_MAX);
			meta_value(&in, key, meta);
		}
	}
	if (in.error) {
		trace_meta_free(meta);
		return in.error;
	}
	fill_missing(meta);
	*ret_meta = meta;
	return foreign ? -EPROTONOSUPPORT : 0;
}

static void constants_free(struct trace_constant *constants, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(constants[i].name);
	free(constants);
}

void trace_meta_free(struct trace_meta *meta)
{
	if (!meta)
		return;
	free(meta->producer);
	free(meta->machine);
	free(meta->hostname);
	free(meta->kernel_release);
	free(meta->kernel_version);
	free(meta->machine_id);
	free(meta->boot_id);
	free(meta->distribution);
	free(meta->trace_clock);
	strings_free(meta->argv, meta->argc);
	free(meta->cwd);
	for (size_t i = 0; i < meta->option_count; i++) {
		free(meta->options[i].name);
		free(meta->options[i].value);
	}
	free(meta->options);
	schema_release(&meta->schema);
	syscall_tables_free(meta->tables, meta->table_count);
	constants_free(meta->errnos, meta->errno_count);
	constants_free(meta->signals, meta->signal_count);
	free(meta);
}

const char *trace_meta_option(const struct trace_meta *meta, const char *name)
{
	for (size_t i = 0; i < meta->option_count; i++)
		if (!strcmp(meta->options[i].name, name))
			return meta->options[i].value;
	return "";
}

bool trace_meta_has_group(const struct trace_meta *meta, const char *group)
{
	const char *groups = trace_meta_option(meta, "events"), *at = groups;
	size_t len = strlen(group);

	for (; (at = strstr(at, group)); at += len)
		if ((at == groups || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}
