/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <string.h>

#include "common/trace_format.h"
#include "common/trace_meta_private.h"

#define ARGV_MAX (1u << 20)

static void put_machine(struct cbor_out *out, const struct trace_meta *meta)
{
	cbor_out_map(out, 5);
	cbor_out_text(out, "machine");
	cbor_out_string(out, meta->machine);
	cbor_out_text(out, "endian");
	cbor_out_uint(out, meta->big_endian);
	cbor_out_text(out, "pointer");
	cbor_out_uint(out, meta->pointer_size);
	cbor_out_text(out, "page");
	cbor_out_uint(out, meta->page_size);
	cbor_out_text(out, "cpus");
	cbor_out_uint(out, meta->cpu_count);
}

static void put_host(struct cbor_out *out, const struct trace_meta *meta)
{
	const struct {
		const char *key, *value;
	} rows[] = {
		{ "hostname", meta->hostname },	     { "release", meta->kernel_release },
		{ "version", meta->kernel_version }, { "machine_id", meta->machine_id },
		{ "boot_id", meta->boot_id },	     { "distribution", meta->distribution },
	};

	cbor_out_map(out, ARRAY_SIZE(rows));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cbor_out_text(out, rows[i].key);
		cbor_out_string(out, rows[i].value);
	}
}

static void put_constants(struct cbor_out *out, const struct trace_constant *constants,
			  size_t count)
{
	cbor_out_map(out, count);
	for (size_t i = 0; i < count; i++) {
		cbor_out_uint(out, constants[i].value);
		cbor_out_text(out, constants[i].name);
	}
}

/* A command line may be longer than a HEADER; its beginning says what ran. */
static size_t argc_kept(const struct trace_meta *meta)
{
	size_t total = 0, argc = 0;

	while (argc < meta->argc && (total += strlen(meta->argv[argc]) + 8) <= ARGV_MAX)
		argc++;
	return argc;
}

static void put_recording(struct cbor_out *out, const struct trace_meta *meta)
{
	size_t argc = argc_kept(meta);

	cbor_out_map(out, 4);
	cbor_out_text(out, "argv");
	cbor_out_array(out, argc);
	for (size_t i = 0; i < argc; i++)
		cbor_out_string(out, meta->argv[i]);
	cbor_out_text(out, "cwd");
	cbor_out_string(out, meta->cwd);
	cbor_out_text(out, "pid");
	cbor_out_uint(out, meta->command_pid);
	cbor_out_text(out, "options");
	cbor_out_array(out, meta->option_count);
	for (size_t i = 0; i < meta->option_count; i++) {
		cbor_out_array(out, 2);
		cbor_out_string(out, meta->options[i].name);
		cbor_out_string(out, meta->options[i].value);
	}
}

void trace_meta_encode(const struct trace_meta *meta, u8 **ret_data, size_t *ret_len)
{
	struct cbor_out out = { 0 };

	cbor_out_map(&out, 13);
	cbor_out_uint(&out, META_VERSION);
	cbor_out_array(&out, 2);
	cbor_out_uint(&out, meta->major);
	cbor_out_uint(&out, meta->minor);
	cbor_out_uint(&out, META_UUID);
	cbor_out_bytes(&out, meta->uuid, sizeof(meta->uuid));
	cbor_out_uint(&out, META_FEATURES);
	cbor_out_array(&out, 0);
	cbor_out_uint(&out, META_PRODUCER);
	cbor_out_string(&out, meta->producer);
	cbor_out_uint(&out, META_CREATED);
	cbor_out_int(&out, meta->created_wall_ns);
	cbor_out_uint(&out, META_MACHINE);
	put_machine(&out, meta);
	cbor_out_uint(&out, META_HOST);
	put_host(&out, meta);
	cbor_out_uint(&out, META_CLOCK);
	cbor_out_map(&out, 2);
	cbor_out_text(&out, "trace_clock");
	cbor_out_string(&out, meta->trace_clock);
	cbor_out_text(&out, "utc_offset_s");
	cbor_out_int(&out, meta->utc_offset_s);
	cbor_out_uint(&out, META_KINDS);
	schema_encode(&out, &meta->schema);
	cbor_out_uint(&out, META_SYSCALLS);
	syscall_tables_encode(&out, meta->tables, meta->table_count);
	cbor_out_uint(&out, META_ERRNOS);
	put_constants(&out, meta->errnos, meta->errno_count);
	cbor_out_uint(&out, META_SIGNALS);
	put_constants(&out, meta->signals, meta->signal_count);
	cbor_out_uint(&out, META_RECORDING);
	put_recording(&out, meta);
	*ret_data = out.data;
	*ret_len = out.len;
}
