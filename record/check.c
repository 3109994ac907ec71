/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/check.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/text.h"
#include "record/groups.h"
#include "record/probes.h"
#include "record/session.h"
#include "record/targets.h"

#define TRIAL_RING_BYTES 65536

enum state { STATE_YES, STATE_PARTLY, STATE_NO };

struct finding {
	const char *kind, *name;
	enum state state;
	char *detail;	    /* free it */
	const char *remedy; /* NULL: nothing is to be done */
};

struct findings {
	size_t count, capacity;
	struct finding *rows;
};

static const char *const state_names[] = { "yes", "partly", "no" };

static void add(struct findings *findings, const char *kind, const char *name, enum state state,
		char *detail, const char *remedy)
{
	ARRAY_RESERVE(findings->rows, findings->capacity, findings->count + 1);
	findings->rows[findings->count++] = (struct finding){
		kind, name, state, detail, state == STATE_YES ? NULL : remedy,
	};
}

static void add_machine(struct findings *findings, const char *name, bool good,
			enum state otherwise, const char *detail, const char *remedy)
{
	add(findings, "machine", name, good ? STATE_YES : otherwise, xstrdup(detail), remedy);
}

/* The first line of a file, "" if it cannot be read. */
static const char *line_of(const char *path, char line[256])
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");

	if (!file || !fgets(line, 256, file))
		line[0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static u64 effective_capabilities(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/self/status", "re");
	unsigned long long bits = 0;
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "CapEff: %llx", &bits) == 1)
			break;
	return bits;
}

static void check_privileges(struct findings *findings)
{
	const u64 caps = effective_capabilities();
	const u64 all = 1ull << CAP_SYS_ADMIN;
	const u64 few = (1ull << CAP_BPF) | (1ull << CAP_PERFMON);
	char line[256];

	add_machine(findings, "privileges", (caps & all) || (caps & few) == few, STATE_NO,
		    "loading and attaching BPF programs", "sudo, or CAP_BPF and CAP_PERFMON");
	line_of("/sys/kernel/security/lockdown", line);
	add_machine(findings, "lockdown", !strstr(line, "[confidentiality]"), STATE_NO,
		    line[0] ? line : "none", "boot with lockdown=integrity or none");
}

static void check_kernel(struct findings *findings)
{
	struct utsname uts;
	char line[256];

	uname(&uts);
	add(findings, "machine", "kernel", STATE_YES,
	    xasprintf("Linux %s %s", uts.release, uts.machine), NULL);
	add_machine(findings, "btf", !access("/sys/kernel/btf/vmlinux", R_OK), STATE_NO,
		    "the kernel's types, in /sys/kernel/btf/vmlinux",
		    "a kernel with CONFIG_DEBUG_INFO_BTF=y; distributions' from 5.15 on have it");
	add_machine(findings, "ring-buffer",
		    libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) > 0, STATE_NO,
		    "the way from the kernel to the recorder",
		    "Linux 5.8 or later, and privileges");
	add_machine(findings, "task-storage",
		    libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL) > 0, STATE_NO,
		    "how a target is known", "Linux 5.11 or later, and privileges");
	add_machine(findings, "find-vma",
		    libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_find_vma, NULL) >
			    0,
		    STATE_PARTLY, "which file a shared futex lies in",
		    "Linux 5.17 or later; without it shared futexes are known by address only");
	line_of("/proc/sys/net/core/bpf_jit_enable", line);
	add_machine(
		findings, "jit", strcmp(line, "0"), STATE_PARTLY, "BPF programs as machine code",
		"sysctl net.core.bpf_jit_enable=1; without it every event costs many times more");
}

static void check_accounts(struct findings *findings)
{
	int stats_fd = bpf_enable_stats(BPF_STATS_RUN_TIME);
	char line[256];

	add_machine(findings, "probe-cost", stats_fd >= 0, STATE_PARTLY,
		    "run time of the BPF programs, for the cost in the last line", "CAP_SYS_ADMIN");
	closep(&stats_fd);
	add_machine(findings, "tracefs", !access("/sys/kernel/tracing/events/syscalls", R_OK),
		    STATE_PARTLY, "names of system calls newer than this version of trc",
		    "mount -t tracefs nodev /sys/kernel/tracing");
	add_machine(findings, "run-delay", !access("/proc/self/schedstat", R_OK), STATE_PARTLY,
		    "time spent ready but not on a CPU, at exit",
		    "a kernel with CONFIG_SCHED_INFO=y");
	line_of("/proc/sys/kernel/task_delayacct", line);
	add_machine(findings, "io-delay", !strcmp(line, "1"), STATE_PARTLY,
		    "time spent waiting for disks, at exit", "sysctl kernel.task_delayacct=1");
}

static void check_groups(struct findings *findings, bool *ret_recordable)
{
	_cleanup_free_ struct syscall_spec *specs =
		xcalloc(SPEC_ABIS * SPEC_PER_ABI, sizeof(*specs));
	const struct call_filter no_filter = { 0 };
	const struct targets no_targets = { 0 };
	struct utsname uts;

	uname(&uts);
	for (int group = 0; group < GROUP_COUNT; group++) {
		struct probes_options options = {
			.groups = GROUP_BIT(GROUP_task) | GROUP_BIT(group),
			.specs = specs,
			.filter = &no_filter,
			.targets = &no_targets,
			.machine = uts.machine,
			.ring_bytes = TRIAL_RING_BYTES,
		};
		struct probes_error error = { 0 };
		struct probes *probes = NULL;
		int err = probes_open(&options, &probes, &error);

		if (!err && probes_missing(probes))
			add(findings, "group", group_name(group), STATE_PARTLY,
			    xasprintf("%s; this kernel lacks %s", group_doc(group),
				      probes_missing(probes)),
			    NULL);
		else if (!err)
			add(findings, "group", group_name(group), STATE_YES,
			    xstrdup(group_doc(group)), NULL);
		else
			add(findings, "group", group_name(group), STATE_NO, error.what, NULL);
		if (err && (groups_default() & GROUP_BIT(group)))
			*ret_recordable = false;
		probes_close(probes);
	}
}

static void add_json_string(struct text *out, const char *name, const char *value)
{
	text_addf(out, "\"%s\":", name);
	if (!value) {
		text_adds(out, "null");
		return;
	}
	text_addc(out, '"');
	text_add_json(out, value, strlen(value));
	text_addc(out, '"');
}

static void print_json(const struct findings *findings)
{
	struct text out = { 0 };

	text_adds(&out, "[\n");
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *row = &findings->rows[i];

		text_adds(&out, i ? ",\n{" : "{");
		add_json_string(&out, "kind", row->kind);
		text_addc(&out, ',');
		add_json_string(&out, "name", row->name);
		text_addc(&out, ',');
		add_json_string(&out, "state", state_names[row->state]);
		text_addc(&out, ',');
		add_json_string(&out, "detail", row->detail);
		text_addc(&out, ',');
		add_json_string(&out, "remedy", row->remedy);
		text_addc(&out, '}');
	}
	text_adds(&out, "\n]\n");
	fputs(out.data, stdout);
	text_release(&out);
}

static void print_text(const struct findings *findings)
{
	const char *kind = "";

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *row = &findings->rows[i];

		if (strcmp(kind, row->kind))
			printf("%s%s\n", i ? "\n" : "",
			       row->kind[0] == 'm' ? "This machine"
						   : "Groups of events (--events)");
		kind = row->kind;
		printf("  %-13s %-6s  %s\n", row->name, state_names[row->state], row->detail);
		if (row->remedy)
			printf("  %-13s %-6s  remedy: %s\n", "", "", row->remedy);
	}
}

int check_run(bool json)
{
	struct findings findings = { 0 };
	bool recordable = true;

	check_kernel(&findings);
	check_privileges(&findings);
	check_accounts(&findings);
	check_groups(&findings, &recordable);
	if (json)
		print_json(&findings);
	else
		print_text(&findings);
	for (size_t i = 0; i < findings.count; i++)
		free(findings.rows[i].detail);
	free(findings.rows);
	if (!json)
		printf("\n%s\n", recordable ? "The default groups can be recorded."
					    : "The default groups cannot be recorded.");
	return recordable ? 0 : EXIT_RECORDING_FAILED;
}
