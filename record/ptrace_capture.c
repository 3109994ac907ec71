/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is read of a call's arguments: the code of the BPF programs itself, compiled for here, so that both record the
 * same. Only the reading of another's memory differs: page by page, and each page once per stop.
 */
#include "record/ptrace_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "common/alloc.h"
#include "record/spec.h"

#define PAGES	   8
#define PAGE_BYTES 4096 /* no machine has smaller ones */

/* One thread traces. */
static struct {
	u32 tid;
	u64 address[PAGES]; /* of the page that is there; 1: none */
	u8 bytes[PAGES][PAGE_BYTES];
} memory;

void tracee_memory_begin(u32 tid)
{
	memory.tid = tid;
	for (size_t i = 0; i < PAGES; i++)
		memory.address[i] = 1;
}

static const u8 *page_at(u64 address)
{
	size_t slot = address / PAGE_BYTES % PAGES;
	struct iovec local = { memory.bytes[slot], PAGE_BYTES };
	struct iovec remote = { (void *)(uintptr_t)address, PAGE_BYTES };

	if (memory.address[slot] == address)
		return memory.bytes[slot];
	memory.address[slot] = 1;
	if (process_vm_readv(memory.tid, &local, 1, &remote, 1, 0) != PAGE_BYTES)
		return NULL;
	memory.address[slot] = address;
	return memory.bytes[slot];
}

int tracee_read(void *to, size_t size, u64 address)
{
	u8 *out = to;

	while (size) {
		u64 at = address % PAGE_BYTES;
		size_t n = size < PAGE_BYTES - at ? size : PAGE_BYTES - at;
		const u8 *page = page_at(address - at);

		if (!page)
			return -EFAULT;
		memcpy(out, page + at, n);
		out += n;
		address += n;
		size -= n;
	}
	return 0;
}

long tracee_read_string(void *to, size_t size, u64 address)
{
	char *out = to;
	size_t done = 0;

	while (done + 1 < size) {
		u64 at = address % PAGE_BYTES;
		size_t n = size - 1 - done < PAGE_BYTES - at ? size - 1 - done : PAGE_BYTES - at;
		const u8 *page = page_at(address - at), *end;

		if (!page)
			return -EFAULT;
		end = memchr(page + at, 0, n);
		if (end)
			n = end - (page + at);
		memcpy(out + done, page + at, n);
		done += n;
		address += n;
		if (end)
			break;
	}
	out[done] = 0;
	return done + 1;
}

/* --- what the BPF code needs of its surroundings */

#define task_struct				  tracee
#define __noinline				  static
#define __weak					  __attribute__((unused))
#define barrier_var(var)			  ((void)0)
#define bpf_probe_read_user(to, size, from)	  tracee_read(to, size, (uintptr_t)(from))
#define bpf_probe_read_user_str(to, size, from)	  tracee_read_string(to, size, (uintptr_t)(from))
#define bpf_probe_read_kernel(to, size, from)	  (memcpy(to, from, size), 0)
#define bpf_probe_read_kernel_str(to, size, from) (-EFAULT) /* nobody asks for one */
#define bpf_task_storage_get(map, task, value, f) tail_of(task)
#define FILTER_TEXT_BYTES			  8

static struct pick picks[PICK_LAYOUTS];

static struct task_tail *tail_of(struct tracee *tracee)
{
	if (!tracee->tail)
		tracee->tail = xcalloc(1, sizeof(*tracee->tail));
	return tracee->tail;
}

static struct cpu_counters *cpu_counters(void)
{
	return NULL;
}

/* --path is refused: no call is looked at for the paths that it names. */
struct filter_scratch {
	char text[FILTER_TEXT_BYTES];
};

static bool filters(u64 flags)
{
	return false;
}

static struct filter_scratch *filter_scratch_get(void)
{
	return NULL;
}

static int filter_text(struct filter_scratch *scratch, u32 len)
{
	return false;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-compare"
#include "bpf/capture.bpf.h"
#pragma GCC diagnostic pop

void captures_init(void)
{
	spec_picks(picks);
}

void call_capture_enter(struct tracee *tracee, struct syscall_spec *spec)
{
	capture_enter(tracee, &tracee->state, spec);
}

void call_capture_exit(struct tracee *tracee, struct syscall_spec *spec, s64 ret)
{
	capture_exit(tracee, &tracee->state, spec, ret);
}
