/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps FILE: maps the file (created, 31 pages) 13 times: mapping i from page i on, i + 1 pages less one byte, odd
 * ones shared; with protections r, rw, rx in turn. 5 maps of memory without a file, one of them with a descriptor;
 * 7 that fail. A memfd is mapped 3 times. Then says "ready PID" and waits for the end of standard input.
 */
#include <fcntl.h>
#include <sys/mman.h>

#include "workload.h"

int main(int argc, char **argv)
{
	static const int prots[] = { PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC };
	long page = sysconf(_SC_PAGESIZE);
	int fd = argc > 1 ? open(argv[1], O_RDWR | O_CREAT, 0600) : -1;
	int memory = memfd_create("maps", 0);
	char byte;

	if (fd < 0 || ftruncate(fd, 31 * page) || ftruncate(memory, page))
		FAIL("file");
	for (int i = 0; i < 13; i++)
		if (mmap(NULL, (i + 1) * page - 1, prots[i % 3], i % 2 ? MAP_SHARED : MAP_PRIVATE,
			 fd, i * page) == MAP_FAILED)
			FAIL("mmap");
	for (int i = 0; i < 5; i++)
		if (mmap(NULL, 3 * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, i ? -1 : fd, 0) ==
		    MAP_FAILED)
			FAIL("mmap");
	for (int i = 0; i < 7; i++)
		if (mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 1) != MAP_FAILED)
			FAIL("an odd offset can be mapped");
	for (int i = 0; i < 3; i++)
		if (mmap(NULL, page, PROT_READ, MAP_SHARED, memory, 0) == MAP_FAILED)
			FAIL("mmap");
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	return 0;
}
