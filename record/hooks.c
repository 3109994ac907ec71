/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/hooks.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"
#include "record/groups.h"

#define HOOK_NAME_MAX 64

static const char *section_after(const struct bpf_program *program, const char *prefix)
{
	const char *section = bpf_program__section_name(program);
	size_t len = strlen(prefix);

	return strncmp(section, prefix, len) ? NULL : section + len;
}

static int open_software_event(u64 config, int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = config,
		.sample_period = 1,
	};
	int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static u64 fault_event(const struct bpf_program *program)
{
	return strcmp(bpf_program__name(program), "fault_major") ? PERF_COUNT_SW_PAGE_FAULTS_MIN
								 : PERF_COUNT_SW_PAGE_FAULTS_MAJ;
}

static const char *suffix(const char *name)
{
	const char *found = strstr(name, "___");

	return found ? found : name + strlen(name);
}

/* Is there such a tracepoint, with as many arguments as the program's name says? */
static bool has_tracepoint(const struct bpf_program *program, const char *hook,
			   const struct btf *btf)
{
	const char *of_name = suffix(bpf_program__name(program));
	const struct btf_type *type;
	char name[HOOK_NAME_MAX];
	unsigned count;
	int id;

	if (!btf)
		return true; /* the load will say what is wrong */
	snprintf(name, sizeof(name), "btf_trace_%s", hook);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return false;
	if (sscanf(of_name, "___%u", &count) != 1)
		return true;
	/* A pointer to a function, which is given something else first. */
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	type = btf__type_by_id(btf, type->type);
	return btf_vlen(type) == count + 1;
}

/* Does the kernel have what the program is to hang on? */
static bool is_there(const struct bpf_program *program, const struct btf *btf)
{
	const char *hook = section_after(program, "tp_btf/");
	_cleanup_close_ int fd = -1;

	if (hook)
		return has_tracepoint(program, hook, btf);
	if (!section_after(program, "perf_event"))
		return true;
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++) {
		fd = open_software_event(fault_event(program), cpu);
		if (fd != -ENODEV) /* this CPU is offline */
			break;
	}
	return fd >= 0;
}

/* Is another program loaded, or yet to be looked at, that does the same? */
static bool has_alternative(struct bpf_object *object, const struct bpf_program *missing)
{
	const char *name = bpf_program__name(missing);
	size_t len = suffix(name) - name;
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		const char *other = bpf_program__name(program);

		if (program != missing && bpf_program__autoload(program) &&
		    (size_t)(suffix(other) - other) == len && !strncmp(name, other, len))
			return true;
	}
	return false;
}

static void add_missing(const struct bpf_program *program, enum group group, struct text *missing)
{
	const char *hook = section_after(program, "tp_btf/");

	text_addf(missing, "%s%s (%s)", missing->len ? ", " : "",
		  hook ? hook : bpf_program__name(program), group_name(group));
}

void hooks_drop_missing(struct bpf_object *object, const struct btf *btf, struct text *missing)
{
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		int group = group_of_name(bpf_program__name(program));

		if (group < 0 || group == GROUP_task || group == GROUP_syscall ||
		    !bpf_program__autoload(program))
			continue;
		if (is_there(program, btf))
			continue;
		bpf_program__set_autoload(program, false);
		if (!has_alternative(object, program))
			add_missing(program, group, missing);
	}
}

int hooks_attach_faults(struct bpf_object *object, struct bpf_link ***links, size_t *link_count)
{
	int cpus = libbpf_num_possible_cpus();
	struct bpf_program *program;

	bpf_object__for_each_program(program, object)
	{
		if (!section_after(program, "perf_event") || bpf_program__fd(program) < 0)
			continue;
		*links = xreallocarray(*links, *link_count + cpus, sizeof(**links));
		for (int cpu = 0; cpu < cpus; cpu++) {
			int fd = open_software_event(fault_event(program), cpu);
			struct bpf_link *link;

			if (fd == -ENODEV)
				continue;
			if (fd < 0)
				return fd;
			link = bpf_program__attach_perf_event(program, fd);
			if (!link) {
				int err = -errno;

				close(fd);
				return err;
			}
			(*links)[(*link_count)++] = link;
		}
	}
	return 0;
}
