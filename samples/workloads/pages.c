/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * pages FILE: a file that enters and leaves the page cache, in known numbers of pages:
 *
 *   61 written one by one      61 enter
 *   dropped                    61 leave
 *   every third of 37 read     37 enter; two of three stay outside: asked of mincore(2)
 *   cut off                    37 leave
 *
 * A file that is cut off while it is in the cache loses what is beyond. Prints inode number, device and what
 * mincore said.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "page_cache.h"
#include "workload.h"

#define WRITTEN 61
#define READ	37
#define PAGES	(3 * READ)

static long page_bytes;

int main(int argc, char **argv)
{
	int fd = open(argv[argc - 1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	long counts[3];
	struct stat st;
	char *page;

	page_bytes = sysconf(_SC_PAGESIZE);
	page = calloc(1, page_bytes);
	if (fd < 0 || ftruncate(fd, PAGES * page_bytes))
		FAIL(argv[argc - 1]);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	for (int i = 0; i < WRITTEN; i++)
		if (pwrite(fd, page, page_bytes, i * page_bytes) != page_bytes)
			FAIL("pwrite");
	counts[0] = resident(fd, PAGES * page_bytes);
	if (fsync(fd))
		FAIL("fsync");
	drop(fd, PAGES * page_bytes);
	counts[1] = resident(fd, PAGES * page_bytes);
	for (int i = 0; i < READ; i++)
		if (pread(fd, page, page_bytes, 3 * i * page_bytes) != page_bytes)
			FAIL("pread");
	counts[2] = resident(fd, PAGES * page_bytes);
	if (ftruncate(fd, 0) || fstat(fd, &st))
		FAIL("ftruncate");
	printf("%lu %u %u %ld %ld %ld\n", (unsigned long)st.st_ino, major(st.st_dev),
	       minor(st.st_dev), counts[0], counts[1], counts[2]);
	return 0;
}
