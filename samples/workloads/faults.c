/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * faults: page faults in known numbers, each in a mapping of its own, whose name, address and size are printed:
 *
 *   written   1009 pages of anonymous memory, written
 *   read       503 pages of anonymous memory, read
 *   kernel      53 pages of anonymous memory, written by the kernel: read(2) of /dev/zero
 *   file       101 pages of a file in the current directory that is not in the page cache, read: major
 *
 * At the end the faults that getrusage counted.
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "page_cache.h"
#include "workload.h"

#define WRITTEN 1009
#define READ	503
#define KERNEL	53
#define FILE_	101

static long page_bytes;

static volatile char *map(const char *name, size_t pages, int fd)
{
	int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
	char *p =
		mmap(NULL, pages * page_bytes, PROT_READ | (fd < 0 ? PROT_WRITE : 0), flags, fd, 0);

	if (p == MAP_FAILED)
		FAIL("mmap");
	madvise(p, pages * page_bytes, fd < 0 ? MADV_NOHUGEPAGE : MADV_RANDOM);
	printf("%s %lu %lu\n", name, (unsigned long)p, pages * page_bytes);
	return p;
}

static int make_file(const char *name, size_t pages)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
	char *page = calloc(1, page_bytes);

	for (size_t i = 0; i < pages; i++)
		if (write(fd, page, page_bytes) != page_bytes)
			FAIL(name);
	free(page);
	if (fsync(fd))
		FAIL(name);
	drop(fd, pages * page_bytes);
	return fd;
}

int main(void)
{
	volatile char *written, *read_, *kernel, *file, sum = 0;
	struct rusage usage;
	int zero = open("/dev/zero", O_RDONLY), fd;

	page_bytes = sysconf(_SC_PAGESIZE);
	fd = make_file("faults.data", FILE_);
	written = map("written", WRITTEN, -1);
	for (long i = 0; i < WRITTEN; i++)
		written[i * page_bytes] = 1;
	read_ = map("read", READ, -1);
	for (long i = 0; i < READ; i++)
		sum += read_[i * page_bytes];
	kernel = map("kernel", KERNEL, -1);
	for (long i = 0; i < KERNEL; i++)
		if (read(zero, (char *)kernel + i * page_bytes, 1) != 1)
			FAIL("/dev/zero");
	file = map("file", FILE_, fd);
	for (long i = 0; i < FILE_; i++)
		sum += file[i * page_bytes];
	getrusage(RUSAGE_SELF, &usage);
	printf("counted %ld %ld\n", usage.ru_minflt, usage.ru_majflt);
	return 0;
}
