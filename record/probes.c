/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/probes.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <linux/membarrier.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "record/attach.h"
#include "record/extra_probes.h"
#include "record/groups.h"
#include "record/kernel.h"
#include "record/hooks.h"
#include "record/metadata.h"
#include "record/rings.h"
#include "record/spec.h"
#include "trc.skel.h"

DEFINE_CLEANUP(struct btf *, btf__free)

struct probes {
	struct trc_bpf *skeleton;
	struct text missing;
	struct bpf_link **links; /* beside those of the skeleton */
	size_t link_count;
	int stats_fd;
};

/* libbpf's talk: kept quiet, its last complaint is part of our one line. */
static unsigned print_level;
static char last_warning[256];

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level == LIBBPF_WARN && !last_warning[0]) {
		va_list copy;

		va_copy(copy, args);
		vsnprintf(last_warning, sizeof(last_warning), format, copy);
		va_end(copy);
		last_warning[strcspn(last_warning, "\n")] = 0;
	}
	if (print_level >= 2 || (print_level == 1 && level != LIBBPF_DEBUG))
		return vfprintf(stderr, format, args);
	return 0;
}

/* The cause of a failed load or attach, most likely first. */
static char *explain(int err)
{
	_cleanup_fclose_ FILE *file = NULL;
	char lockdown[128] = "";

	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return xasprintf(
			"this kernel has no BTF (/sys/kernel/btf/vmlinux: %s); it needs "
			"CONFIG_DEBUG_INFO_BTF=y, as distribution kernels from 5.15 on have",
			strerror(errno));
	file = fopen("/sys/kernel/security/lockdown", "re");
	if (file && fgets(lockdown, sizeof(lockdown), file) &&
	    strstr(lockdown, "[confidentiality]"))
		return xasprintf("kernel lockdown is in confidentiality mode, which forbids BPF "
				 "tracing; boot with "
				 "lockdown=integrity or none");
	if (err == -EPERM) /* -EACCES is the verifier's no */
		return xasprintf("BPF needs root, or CAP_BPF and CAP_PERFMON: run it with sudo");
	return xasprintf(
		"the BPF programs cannot be loaded: %s%s%s; try -v for the kernel's reasons",
		strerror(-err), last_warning[0] ? ": " : "", last_warning);
}

static void fail(struct probes_error *ret_error, int err)
{
	ret_error->err = err;
	ret_error->what = explain(err);
}

static int fill_specs(struct probes *probes, const struct syscall_spec *specs)
{
	int fd = bpf_map__fd(probes->skeleton->maps.specs);

	for (u32 i = 0; i < SPEC_ABIS * SPEC_PER_ABI; i++)
		if (specs[i].flags && bpf_map_update_elem(fd, &i, &specs[i], BPF_ANY))
			return -errno;
	return 0;
}

/* Of a group that is off nothing is loaded. */
static void choose_groups(struct bpf_object *object, u64 groups, bool calls)
{
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object)
	{
		int group = group_of_name(bpf_program__name(program));

		if (group == GROUP_syscall ? !calls : group >= 0 && !(groups & GROUP_BIT(group)))
			bpf_program__set_autoload(program, false);
	}
	bpf_object__for_each_map(map, object)
	{
		int group = group_of_name(bpf_map__name(map));

		if (group >= 0 && !(groups & GROUP_BIT(group)))
			bpf_map__set_autocreate(map, false);
	}
}

/*
 * libbpf looks for types that the kernel lacks in its modules, which takes CAP_SYS_ADMIN, and fails without it. Told
 * where the kernel's types are it looks nowhere else, but reads them once more.
 */
static struct trc_bpf *open_skeleton(void)
{
	LIBBPF_OPTS(bpf_object_open_opts, options);
	u32 id;

	if (bpf_btf_get_next_id(0, &id) && errno == EPERM)
		options.btf_custom_path = "/sys/kernel/btf/vmlinux";
	return trc_bpf__open_opts(&options);
}

/* Reading all the kernel's types takes time: those groups that are there on every kernel need none of it. */
static void look_at_kernel(struct probes *probes, u64 groups)
{
	_cleanup_(btf__freep) struct btf *btf = NULL;
	struct trc_bpf *skeleton = probes->skeleton;
	struct kernel_facts facts;

	if (!(groups & ~(GROUP_BIT(GROUP_task) | GROUP_BIT(GROUP_syscall))))
		return;
	btf = btf__load_vmlinux_btf();
	facts = kernel_facts(btf);
	skeleton->rodata->finds_vma = facts.finds_vma;
	skeleton->rodata->lookups_nest = facts.lookups_nest;
	skeleton->rodata->sched_count_offset = facts.preempt_count_offset;
	if (facts.known && !facts.finds_vma &&
	    (groups & (GROUP_BIT(GROUP_futex) | GROUP_BIT(GROUP_fault))))
		log_warning(
			"this kernel lacks bpf_find_vma (Linux 5.17): futexes in shared memory and "
			"page faults are known by their address only");
	hooks_drop_missing(skeleton->obj, btf, &probes->missing);
}

int probes_open(const struct probes_options *options, struct probes **ret_probes,
		struct probes_error *ret_error)
{
	struct probes *probes = xcalloc(1, sizeof(*probes));
	struct trc_bpf *skeleton;
	size_t abi_count;
	u8 abis[4];
	int err;

	probes->stats_fd = -1;
	print_level = options->verbose;
	libbpf_set_print(print);
	skeleton = probes->skeleton = open_skeleton();
	if (!skeleton) {
		err = -errno;
		goto fail;
	}
	skeleton->rodata->page_size = sysconf(_SC_PAGESIZE);
	skeleton->rodata->wake_bytes = options->ring_bytes / 4;
	skeleton->rodata->groups = options->groups;
	/* Without it the ids of requests are no worse, but show where the kernel keeps them. */
	(void)!getrandom((void *)&skeleton->rodata->uring_id_key, sizeof(u64), 0);
	/* Code comes with calls that map. */
	choose_groups(skeleton->obj, options->groups,
		      groups_call(options->groups) || extra_probes_need_calls(options->extras));
	look_at_kernel(probes, options->groups);
	spec_picks((struct pick *)skeleton->rodata->picks);
	skeleton->rodata->call_filter = *options->filter;
	skeleton->rodata->sampling = options->sampling;
	if (!options->sampling)
		bpf_map__set_autocreate(skeleton->maps.counted, false);
	skeleton->rodata->unknown_calls_skipped = options->unknown_calls_skipped;
	abi_count = syscall_abis_of_machine(options->machine, abis);
	for (size_t i = 0; i < abi_count; i++) {
		int slot = spec_slot(abis[i]);

		if (slot >= 0)
			skeleton->rodata->abi_of_slot[slot] = abis[i];
	}
	err = options->rings ? bpf_map__reuse_fd(skeleton->maps.rings, rings_map_fd(options->rings))
			     : 0;
	if (!err)
		err = attach_prepare(skeleton, options->targets);
	if (!err)
		err = extra_probes_prepare(skeleton, options->extras);
	if (!err)
		err = trc_bpf__load(skeleton);
	if (!err)
		err = fill_specs(probes, options->specs);
	if (!err)
		err = extra_probes_fill(skeleton, options->extras);
	if (err)
		goto fail;
	*ret_probes = probes;
	return 0;
fail:
	fail(ret_error, err);
	probes_close(probes);
	return err;
}

int probes_attach(struct probes *probes, struct probes_error *ret_error)
{
	struct trc_bpf *skeleton = probes->skeleton;
	struct bpf_program *program;
	int err;

	/* Everything but the iterators, which are run, not attached. */
	bpf_object__for_each_program(program, skeleton->obj)
	{
		if (!strncmp(bpf_program__section_name(program), "iter/", strlen("iter/")))
			bpf_program__set_autoattach(program, false);
	}
	err = trc_bpf__attach(skeleton);
	if (!err)
		err = hooks_attach_faults(skeleton->obj, &probes->links, &probes->link_count);
	if (err)
		fail(ret_error, err);
	return err;
}

int probes_hold(struct probes *probes, int pidfd)
{
	struct task_state state = { .phase = PHASE_HELD,
				    .reason = REASON_COMMAND,
				    .in_live_tasks = LIVE_COUNTED,
				    .added_ns = monotonic_ns() };

	int err =
		attach_put(bpf_map__fd(probes->skeleton->maps.tasks), &pidfd, &state, BPF_NOEXIST);

	if (err)
		return err;
	__atomic_fetch_add(&probes->skeleton->bss->control.live_tasks, 1, __ATOMIC_RELAXED);
	return 0;
}

/* A grace period: programs that run on other CPUs right now send what they have. */
static void wait_for_programs(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, options);
	int inner, outer, key = 0;

	if (!syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0))
		return;
	/* There is none for us where CPUs run without ticks (nohz_full). To put a map into a map of maps waits, too. */
	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "trc_wait", sizeof(key), sizeof(key), 1, NULL);
	options.inner_map_fd = inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "trc_wait", sizeof(key), sizeof(key), 1,
			       &options);
	if (outer >= 0) {
		bpf_map_update_elem(outer, &key, &inner, BPF_ANY);
		close(outer);
	}
	if (inner >= 0)
		close(inner);
}

u64 probes_pause(struct probes *probes, bool pause)
{
	u64 before = monotonic_ns(), after;

	__atomic_store_n(&probes->skeleton->bss->control.paused, pause, __ATOMIC_SEQ_CST);
	after = monotonic_ns();
	wait_for_programs();
	return pause ? before : after;
}

static void destroy_links(struct probes *probes)
{
	while (probes->link_count)
		bpf_link__destroy(probes->links[--probes->link_count]);
}

void probes_detach(struct probes *probes)
{
	__atomic_store_n(&probes->skeleton->bss->control.stopping, 1, __ATOMIC_SEQ_CST);
	trc_bpf__detach(probes->skeleton);
	destroy_links(probes);
	wait_for_programs();
}

static int run_iterator(struct bpf_program *program)
{
	/* Without an fd its group is off. */
	return bpf_program__fd(program) < 0 ? 0 : attach_iterate(program, NULL, NULL);
}

int probes_unfinished(struct probes *probes, u64 end_ns)
{
	int err;

	probes->skeleton->bss->control.end_ns = end_ns;
	err = attach_release(probes);

	/* The last one forgets the calls. */
	if (!err)
		err = run_iterator(probes->skeleton->progs.futex_unfinished);
	if (!err)
		err = run_iterator(probes->skeleton->progs.counter_unfinished);
	return err ? err : run_iterator(probes->skeleton->progs.syscall_unfinished);
}

struct trc_bpf *probes_skeleton(struct probes *probes)
{
	return probes->skeleton;
}

void probes_close(struct probes *probes)
{
	if (!probes)
		return;
	closep(&probes->stats_fd);
	destroy_links(probes);
	free(probes->links);
	text_release(&probes->missing);
	trc_bpf__destroy(probes->skeleton);
	free(probes);
}

const char *probes_missing(const struct probes *probes)
{
	return probes ? probes->missing.data : NULL;
}

const volatile struct control *probes_control(const struct probes *probes)
{
	return &probes->skeleton->bss->control;
}

int probes_counters(const struct probes *probes, struct cpu_counters *ret_per_cpu, size_t cpu_count)
{
	u32 zero = 0;

	if (cpu_count < (size_t)libbpf_num_possible_cpus())
		return -ENOSPC;
	return bpf_map_lookup_elem(bpf_map__fd(probes->skeleton->maps.counters), &zero, ret_per_cpu)
		       ? -errno
		       : 0;
}

static bool program_info(const struct bpf_program *program, struct bpf_prog_info *ret_info)
{
	u32 len = sizeof(*ret_info);

	*ret_info = (struct bpf_prog_info){ 0 };
	return bpf_program__fd(program) >= 0 &&
	       !bpf_obj_get_info_by_fd(bpf_program__fd(program), ret_info, &len);
}

u64 probes_missed(const struct probes *probes)
{
	struct bpf_program *program;
	struct bpf_prog_info info;
	u64 count = 0;

	if (!probes)
		return 0;
	bpf_object__for_each_program(program,
				     probes->skeleton->obj) if (program_info(program, &info))
		count += info.recursion_misses;
	return count;
}

void probes_cost_window(struct probes *probes, bool open)
{
	if (!probes)
		return;
	closep(&probes->stats_fd);
	probes->stats_fd = open ? bpf_enable_stats(BPF_STATS_RUN_TIME) : -1;
}

size_t probes_cost(const struct probes *probes, struct trace_program_cost *ret_costs, size_t max)
{
	struct bpf_program *program;
	size_t count = 0;

	if (!probes)
		return 0;
	bpf_object__for_each_program(program, probes->skeleton->obj)
	{
		struct bpf_prog_info info;

		if (count == max)
			break;
		if (!program_info(program, &info))
			continue;
		ret_costs[count++] = (struct trace_program_cost){
			.name = (char *)bpf_program__name(program),
			.run_count = info.run_cnt,
			.run_ns = info.run_time_ns,
		};
	}
	return count;
}
