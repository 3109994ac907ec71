/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What several workloads ask of the page cache. */
#pragma once

#include <fcntl.h>
#include <sys/mman.h>

#include "workload.h"

/* Pages of the file that are in the page cache. */
static inline long resident(int fd, size_t bytes)
{
	long page_bytes = sysconf(_SC_PAGESIZE), pages = (bytes + page_bytes - 1) / page_bytes,
	     count = 0;
	void *p = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char *in = malloc(pages);

	if (p == MAP_FAILED || mincore(p, bytes, in))
		FAIL("mincore");
	for (long i = 0; i < pages; i++)
		count += in[i] & 1;
	munmap(p, bytes);
	free(in);
	return count;
}

/* Asks that the pages leave, which clean ones do unless another CPU has them in its hands just now. */
static inline void drop(int fd, size_t bytes)
{
	for (int i = 0; i < 1000; i++) {
		if (posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
			FAIL("posix_fadvise");
		if (!resident(fd, bytes))
			break;
		usleep(1000);
	}
}
