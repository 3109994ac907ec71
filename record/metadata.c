/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/metadata.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <time.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "common/version.h"
#include "record/groups.h"

#define ERRNO_NAMED_MAX 256
/* Results that the kernel uses inside and that a trace shows when a signal interrupts a call. */
static const struct trace_constant restart_errnos[] = {
	{ 512, "ERESTARTSYS" },
	{ 513, "ERESTARTNOINTR" },
	{ 514, "ERESTARTNOHAND" },
	{ 516, "ERESTART_RESTARTBLOCK" },
};

u64 monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ull + ts.tv_nsec;
}

static s64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ll + ts.tv_nsec;
}

void clock_sample(struct trace_clock_sample *ret_sample)
{
	struct trace_clock_sample sample = { .mono_ns = monotonic_ns() };

	sample.boot_ns = clock_ns(CLOCK_BOOTTIME);
	sample.real_ns = clock_ns(CLOCK_REALTIME);
	sample.tai_ns = clock_ns(CLOCK_TAI);
	sample.width_ns = monotonic_ns() - sample.mono_ns;
	/* The reading in the middle is the best guess for the others. */
	sample.mono_ns += sample.width_ns / 2;
	*ret_sample = sample;
}

static char *read_line(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[256];

	if (!file || !fgets(line, sizeof(line), file))
		return xstrdup("");
	line[strcspn(line, "\n")] = 0;
	return xstrdup(line);
}

static char *distribution(void)
{
	_cleanup_fclose_ FILE *file = fopen("/etc/os-release", "re");
	char line[512];

	while (file && fgets(line, sizeof(line), file)) {
		char *value = line + strlen("PRETTY_NAME=");

		if (strncmp(line, "PRETTY_NAME=", strlen("PRETTY_NAME=")))
			continue;
		value[strcspn(value, "\n")] = 0;
		if (*value == '"') {
			value++;
			value[strcspn(value, "\"")] = 0;
		}
		return xstrdup(value);
	}
	return xstrdup("");
}

void metadata_add_option(struct trace_meta *meta, const char *name, char *value)
{
	meta->options =
		xreallocarray(meta->options, meta->option_count + 1, sizeof(*meta->options));
	meta->options[meta->option_count++] = (struct trace_option){ xstrdup(name), value };
}

static void add_options(struct trace_meta *meta, const struct settings *settings, u64 ring_bytes)
{
	bool strings_set = settings->string_bytes != STRING_BYTES_UNSET;
	struct text groups = { 0 };

	groups_add_names(settings->groups, &groups);
	metadata_add_option(meta, "events", groups.data);
	metadata_add_option(meta, "syscalls",
			    xstrdup(settings->syscalls ? settings->syscalls : "all"));
	metadata_add_option(
		meta, "string-size",
		xasprintf("%llu", (unsigned long long)(strings_set ? settings->string_bytes
								   : STRING_BYTES_DEFAULT)));
	metadata_add_option(
		meta, "data-size",
		xasprintf("%llu", strings_set ? (unsigned long long)settings->string_bytes : 0));
	metadata_add_option(meta, "buffer", xasprintf("%llu", (unsigned long long)ring_bytes));
	metadata_add_option(meta, "level", xasprintf("%llu", (unsigned long long)settings->level));
	metadata_add_option(meta, "duration-ns",
			    xasprintf("%llu", (unsigned long long)settings->duration_ns));
}

static void add_constants(struct trace_meta *meta)
{
	meta->errnos = xcalloc(ERRNO_NAMED_MAX + ARRAY_SIZE(restart_errnos), sizeof(*meta->errnos));
	for (u32 i = 1; i < ERRNO_NAMED_MAX; i++) {
		const char *name = strerrorname_np(i);

		if (name)
			meta->errnos[meta->errno_count++] =
				(struct trace_constant){ i, xstrdup(name) };
	}
	for (size_t i = 0; i < ARRAY_SIZE(restart_errnos); i++)
		meta->errnos[meta->errno_count++] =
			(struct trace_constant){ restart_errnos[i].value,
						 xstrdup(restart_errnos[i].name) };
	meta->signals = xcalloc(NSIG, sizeof(*meta->signals));
	for (int i = 1; i < NSIG; i++) {
		/* The C library's name for it is POLL, everybody else's IO. */
		const char *name = i == SIGIO ? "IO" : sigabbrev_np(i);

		if (name)
			meta->signals[meta->signal_count++] =
				(struct trace_constant){ i, xasprintf("SIG%s", name) };
	}
}

struct trace_meta *metadata_new(const struct settings *settings, struct syscall_table *tables,
				size_t table_count, u32 command_pid, u64 ring_bytes)
{
	struct trace_meta *meta = xcalloc(1, sizeof(*meta));
	char cwd[PATH_MAX];
	struct utsname uts;
	struct tm tm;
	time_t now = time(NULL);

	uname(&uts);
	/* Unique enough even where the kernel's pool were not ready: getrandom() then waits. */
	if (getrandom(meta->uuid, sizeof(meta->uuid), 0) != sizeof(meta->uuid))
		memcpy(meta->uuid, &now, sizeof(now));
	meta->uuid[6] = (meta->uuid[6] & 0x0f) | 0x40; /* RFC 9562, version 4 */
	meta->uuid[8] = (meta->uuid[8] & 0x3f) | 0x80;
	meta->major = 1;
	meta->producer = xstrdup("trc " TRC_VERSION);
	meta->created_wall_ns = clock_ns(CLOCK_REALTIME);
	meta->machine = xstrdup(uts.machine);
	meta->big_endian = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
	meta->pointer_size = sizeof(void *);
	meta->page_size = sysconf(_SC_PAGESIZE);
	meta->cpu_count = libbpf_num_possible_cpus();
	meta->hostname = xstrdup(uts.nodename);
	meta->kernel_release = xstrdup(uts.release);
	meta->kernel_version = xstrdup(uts.version);
	meta->machine_id = read_line("/etc/machine-id");
	meta->boot_id = read_line("/proc/sys/kernel/random/boot_id");
	meta->distribution = distribution();
	meta->utc_offset_s = localtime_r(&now, &tm) ? tm.tm_gmtoff : 0;
	meta->trace_clock = xstrdup("monotonic");
	meta->argc = settings->command_argc;
	meta->argv = (char **)settings->command;
	meta->cwd = xstrdup(getcwd(cwd, sizeof(cwd)) ? cwd : "");
	meta->command_pid = command_pid;
	add_options(meta, settings, ring_bytes);
	meta->schema = *schema_builtin();
	meta->tables = tables;
	meta->table_count = table_count;
	add_constants(meta);
	return meta;
}

void metadata_free(struct trace_meta *meta)
{
	char **strings[] = { &meta->producer,	    &meta->machine,
			     &meta->hostname,	    &meta->kernel_release,
			     &meta->kernel_version, &meta->machine_id,
			     &meta->boot_id,	    &meta->distribution,
			     &meta->trace_clock,    &meta->cwd };

	for (size_t i = 0; i < ARRAY_SIZE(strings); i++)
		free(*strings[i]);
	for (size_t i = 0; i < meta->option_count; i++) {
		free(meta->options[i].name);
		free(meta->options[i].value);
	}
	for (size_t i = 0; i < meta->errno_count; i++)
		free(meta->errnos[i].name);
	for (size_t i = 0; i < meta->signal_count; i++)
		free(meta->signals[i].name);
	free(meta->options);
	free(meta->errnos);
	free(meta->signals);
	free(meta);
}
