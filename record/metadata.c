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
#include "record/backend.h"
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

static void add_option(struct trace_meta *meta, const char *name, char *value)
{
	meta->options =
		xreallocarray(meta->options, meta->option_count + 1, sizeof(*meta->options));
	meta->options[meta->option_count++] = (struct trace_option){ xstrdup(name), value };
}

static void add_number(struct trace_meta *meta, const char *name, u64 value)
{
	add_option(meta, name, xasprintf("%llu", (unsigned long long)value));
}

/* Those that were asked for. */
static void add_modes(struct trace_meta *meta, const struct modes *modes)
{
	const struct {
		const char *name;
		u64 value;
	} numbers[] = {
		{ "delay-ns", modes->delay_ns },
		{ "max-size", modes->max_bytes },
		{ "max-events", modes->max_events },
		{ "keep", modes->keep == KEEP_ALL ? 0 : modes->keep },
	};
	const struct {
		const char *name, *value;
	} texts[] = {
		{ "start-at", modes->start_at },
		{ "rotate", modes->rotate },
		{ "flight", modes->flight },
		{ "control", modes->control },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (numbers[i].value)
			add_number(meta, numbers[i].name, numbers[i].value);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].value)
			add_option(meta, texts[i].name, xstrdup(texts[i].value));
	for (size_t i = 0; i < modes->triggers.count; i++)
		add_option(meta, "trigger", xstrdup(modes->triggers.values[i]));
}

void metadata_add_extras(struct trace_meta *meta, const struct extras *extras)
{
	if (extras->choice.why)
		add_option(meta, "stacks", stack_choice_text(&extras->choice));
	if (extras->counters && extras->counters->count)
		add_option(meta, "counters", counters_names(extras->counters));
}

void metadata_add_series(struct trace_meta *meta, char series[33])
{
	bool first = !series[0];

	for (size_t i = 0; i < sizeof(meta->uuid) && first; i++)
		sprintf(series + 2 * i, "%02x", meta->uuid[i]);
	add_option(meta, "series", xstrdup(series));
}

static void add_options(struct trace_meta *meta, const struct settings *settings, u64 ring_bytes)
{
	bool strings_set = settings->string_bytes != STRING_BYTES_UNSET;
	struct text groups = { 0 };

	groups_add_names(settings->groups, &groups);
	add_option(meta, "events", groups.data);
	add_option(meta, "backend", xstrdup(backend_is_ptrace(settings) ? "ptrace" : "bpf"));
	add_option(meta, "targets", target_options_text(&settings->targets));
	add_option(meta, "syscalls", xstrdup(settings->syscalls ? settings->syscalls : "all"));
	/* Of the others only those that were given: they leave something out. */
	if (settings->failed || settings->successful)
		add_option(meta, "results", xstrdup(settings->failed ? "failed" : "successful"));
	if (settings->errnos)
		add_option(meta, "errno", xstrdup(settings->errnos));
	if (settings->min_duration_ns)
		add_option(meta, "min-duration-ns",
			   xasprintf("%llu", (unsigned long long)settings->min_duration_ns));
	if (settings->path)
		add_option(meta, "path", xstrdup(settings->path));
	if (settings->comm)
		add_option(meta, "comm", xstrdup(settings->comm));
	if (settings->sample)
		add_option(meta, "sample", xstrdup(settings->sample));
	if (settings->environment)
		add_option(meta, "env", xstrdup("yes"));
	add_option(meta, "string-size",
		   xasprintf("%llu", (unsigned long long)(strings_set ? settings->string_bytes
								      : STRING_BYTES_DEFAULT)));
	add_option(meta, "data-size",
		   xasprintf("%llu", strings_set ? (unsigned long long)settings->string_bytes : 0));
	add_option(meta, "buffer", xasprintf("%llu", (unsigned long long)ring_bytes));
	add_option(meta, "level", xasprintf("%llu", (unsigned long long)settings->level));
	add_number(meta, "duration-ns", settings->modes.duration_ns);
	add_modes(meta, &settings->modes);
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
				size_t table_count, u32 command_pid, u64 ring_bytes,
				const char *missing_hooks)
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
	if (missing_hooks)
		add_option(meta, "missing-hooks", xstrdup(missing_hooks));
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
