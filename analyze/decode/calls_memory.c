/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/calls.h"

#define MAP_HUGE_SHIFT_BITS   26
#define MAP_HUGE_BITS	      0x3f
#define MAP_HUGETLB_FLAG      0x40000
#define MREMAP_FIXED_FLAG     2
#define MREMAP_DONTUNMAP_FLAG 4

static void add_mmap_flags(struct args *args)
{
	const struct value_set *set = args->plan->sets[3];
	u64 flags = args->values[3], huge = flags >> MAP_HUGE_SHIFT_BITS & MAP_HUGE_BITS;

	args_next(args);
	if (!set) {
		text_addx(args->out, flags);
		return;
	}
	/* The same bits mean other things without MAP_HUGETLB. */
	if (!(flags & MAP_HUGETLB_FLAG))
		huge = 0;
	value_set_add(set, flags & ~(huge << MAP_HUGE_SHIFT_BITS), args->out);
	if (huge) {
		text_addc(args->out, '|');
		text_addu(args->out, huge);
		text_add_literal(args->out, "<<MAP_HUGE_SHIFT");
	}
}

static void print_mapping(struct args *args, unsigned page_bits)
{
	args_print_range(args, 0, 2);
	if (args->count > 3)
		add_mmap_flags(args);
	args_print(args, 4);
	if (args->count > 5) {
		args_next(args);
		text_addx(args->out, args->values[5] << page_bits);
	}
}

void print_mmap(struct args *args)
{
	if (args->plan->desc->arg_count < 6)
		args_print_range(args, 0, 5); /* i386: all in a struct */
	else
		print_mapping(args, 0);
}

void print_mmap2(struct args *args)
{
	print_mapping(args, 12);
}

void print_mremap(struct args *args)
{
	bool fixed =
		args->count > 3 && args->values[3] & (MREMAP_FIXED_FLAG | MREMAP_DONTUNMAP_FLAG);

	args_print_range(args, 0, fixed ? 4 : 3);
}

/* key … flags with the mode in the low 9 bits: shmget, semget, msgget */
void print_ipc_get(struct args *args)
{
	unsigned last;
	u64 flags;

	if (!args->count)
		return;
	last = args->count - 1u;
	args_next(args);
	if (args->values[0])
		text_addx(args->out, args->values[0]);
	else
		text_add_literal(args->out, "IPC_PRIVATE");
	if (last > 1)
		args_print_range(args, 1, last - 1);
	if (!last)
		return;
	flags = (u32)args->values[last];
	args_next(args);
	if (flags & ~0777ull && args->plan->sets[last]) {
		value_set_add(args->plan->sets[last], flags & ~0777ull, args->out);
		text_addc(args->out, '|');
	}
	text_add_mode(args->out, (u32)flags & 0777);
}
