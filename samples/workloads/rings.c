/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rings [poll|silent]: io_uring without a library; each request is waited for before the next.
 *
 *   29 nop                       user_data 0x7ac00000 + i
 *   17 read  of 4096 bytes       user_data 0x7ac10000 + i   of /dev/zero
 *   13 write of 512 bytes        user_data 0x7ac20000 + i   to /dev/null
 *    5 read  of descriptor -1    user_data 0x7ac30000 + i   EBADF
 *    3 timeouts of 20 ms         user_data 0x7ac40000 + i   ETIME
 *
 * poll: the kernel polls for submissions, a thread of its own takes them. silent: 61 times 8 nops instead, whose
 * success is not posted. Prints the pid and the descriptors of zero and null.
 */
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "workload.h"

static struct io_uring_params params;
static int ring;
static char *sq, *cq;
static struct io_uring_sqe *sqes;

#define AT(base, off) ((unsigned *)((base) + (off)))

static void set_up(int poll)
{
	if (poll) {
		params.flags = IORING_SETUP_SQPOLL;
		params.sq_thread_idle = 1000;
	}
	ring = syscall(SYS_io_uring_setup, 8, &params);
	if (ring < 0)
		FAIL("io_uring_setup");
	sq = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqes = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || sqes == MAP_FAILED)
		FAIL("mmap");
}

static int request(const struct io_uring_sqe *sqe)
{
	unsigned tail = *AT(sq, params.sq_off.tail), mask = *AT(sq, params.sq_off.ring_mask);
	unsigned head = *AT(cq, params.cq_off.head), flags = IORING_ENTER_GETEVENTS;
	struct io_uring_cqe *cqe;

	sqes[tail & mask] = *sqe;
	AT(sq, params.sq_off.array)[tail & mask] = tail & mask;
	__atomic_store_n(AT(sq, params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	if (*AT(sq, params.sq_off.flags) & IORING_SQ_NEED_WAKEUP)
		flags |= IORING_ENTER_SQ_WAKEUP;
	while (__atomic_load_n(AT(cq, params.cq_off.tail), __ATOMIC_ACQUIRE) == head)
		if (syscall(SYS_io_uring_enter, ring, params.flags ? 0 : 1, 1, flags, NULL, 0) < 0)
			FAIL("io_uring_enter");
	cqe = (struct io_uring_cqe *)(cq + params.cq_off.cqes) +
	      (head & *AT(cq, params.cq_off.ring_mask));
	__atomic_store_n(AT(cq, params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	if (cqe->user_data != sqe->user_data)
		FAIL("user_data");
	return cqe->res;
}

static void requests(int times, struct io_uring_sqe sqe, int expected)
{
	for (int i = 0; i < times; i++, sqe.user_data++)
		if (request(&sqe) != expected)
			FAIL("request");
}

static void silent(void)
{
	const struct io_uring_sqe nop = { .opcode = IORING_OP_NOP,
					  .flags = IOSQE_CQE_SKIP_SUCCESS };

	for (int turn = 0; turn < 61; turn++) {
		unsigned tail = *AT(sq, params.sq_off.tail);

		for (unsigned i = 0; i < 8; i++) {
			sqes[i] = nop;
			AT(sq, params.sq_off.array)[i] = i;
		}
		__atomic_store_n(AT(sq, params.sq_off.tail), tail + 8, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, ring, 8, 0, 0, NULL, 0) != 8)
			FAIL("io_uring_enter");
	}
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	static char buffer[4096];
	struct __kernel_timespec time = { .tv_nsec = 20000000 };
	int zero = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_WRONLY);
	unsigned long at = (unsigned long)buffer;

	set_up(!strcmp(way, "poll"));
	if (!strcmp(way, "silent")) {
		silent();
		printf("%d %d %d\n", getpid(), zero, null);
		return 0;
	}
	requests(29, (struct io_uring_sqe){ .opcode = IORING_OP_NOP, .user_data = 0x7ac00000 }, 0);
	requests(17,
		 (struct io_uring_sqe){ .opcode = IORING_OP_READ,
					.fd = zero,
					.addr = at,
					.len = 4096,
					.user_data = 0x7ac10000 },
		 4096);
	requests(13,
		 (struct io_uring_sqe){ .opcode = IORING_OP_WRITE,
					.fd = null,
					.addr = at,
					.len = 512,
					.user_data = 0x7ac20000 },
		 512);
	requests(5,
		 (struct io_uring_sqe){ .opcode = IORING_OP_READ,
					.fd = -1,
					.addr = at,
					.len = 1,
					.user_data = 0x7ac30000 },
		 -EBADF);
	requests(3,
		 (struct io_uring_sqe){ .opcode = IORING_OP_TIMEOUT,
					.addr = (unsigned long)&time,
					.len = 1,
					.user_data = 0x7ac40000 },
		 -ETIME);
	printf("%d %d %d\n", getpid(), zero, null);
	return 0;
}
