/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/kernel.h"

#include <string.h>

/* Where a per-CPU variable stands among them, -1 if there is none of this name. */
static s64 percpu_offset(const struct btf *btf, const struct btf_type *section, const char *name)
{
	const struct btf_var_secinfo *variable = btf_var_secinfos(section);

	for (u32 i = 0; i < btf_vlen(section); i++, variable++) {
		const struct btf_type *type = btf__type_by_id(btf, variable->type);

		if (!strcmp(btf__name_by_offset(btf, type->name_off), name))
			return variable->offset;
	}
	return -1;
}

struct kernel_facts kernel_facts(const struct btf *btf)
{
	struct kernel_facts facts = { 0 };
	const struct btf_type *section;
	s64 queue, count;
	s32 id;

	if (!btf)
		return facts;
	facts.known = true;
	facts.finds_vma = btf__find_by_name_kind(btf, "bpf_find_vma", BTF_KIND_FUNC) > 0;
	facts.lookups_nest =
		btf__find_by_name_kind(btf, "bpf_task_storage_get_recur", BTF_KIND_FUNC) > 0;
	id = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	if (id < 0)
		return facts;
	section = btf__type_by_id(btf, id);
	queue = percpu_offset(btf, section, "runqueues");
	count = percpu_offset(btf, section, "__preempt_count");
	if (count < 0)
		count = percpu_offset(btf, section, "pcpu_hot");
	if (queue >= 0 && count >= 0)
		facts.preempt_count_offset = count - queue;
	return facts;
}
