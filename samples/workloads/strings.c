/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * strings: faccessat calls with paths of every kind, mode F_OK. By the path's second letter:
 *
 *   "/wNNNN…"  whole: lengths 2 31 32 33 255 256 1021 4095, one call each; 4095 is the longest path there is
 *   "/edge…"   5 calls: the string ends with the last byte of its page, nothing is mapped behind it
 *   "/lazy…"   11 calls: the page that holds it has never been touched, so that only the kernel's own access
 *              brings it in; each in a mapping of its own
 *   "/open…"   2 calls: no NUL before the end of the last mapped page: EFAULT
 *   NULL       3 calls;  address 16: 7 calls;  an address of the kernel: 2 calls: EFAULT
 *   "/\377\001\033[2Jé\n\"\\"  1 call: bytes that are no text
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "workload.h"

static void try(const char *path)
{
	syscall(SYS_faccessat, AT_FDCWD, path, F_OK);
}

static void whole(size_t length)
{
	char path[4096];
	int head = snprintf(path, sizeof(path), "/w");

	for (size_t i = head; i < length; i++)
		path[i] = i % 64 ? 'a' + i % 26 : '/';
	path[length] = '\0';
	try(path);
}

/* A page, the last byte of which is the last that is mapped. */
static char *page_before_hole(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED || munmap(page + 4096, 4096))
		FAIL("mmap");
	return page;
}

/* A file page that this process has never touched: the mapping has no page in it yet. */
static const char *untouched(int fd)
{
	const char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);

	if (page == MAP_FAILED)
		FAIL("mmap");
	return page;
}

int main(void)
{
	static const size_t lengths[] = { 2, 31, 32, 33, 255, 256, 1021, 4095 };
	FILE *file = tmpfile();
	char *page;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		whole(lengths[i]);

	page = page_before_hole();
	memcpy(page + 4096 - sizeof("/edge/of/page"), "/edge/of/page", sizeof("/edge/of/page"));
	for (int i = 0; i < 5; i++)
		try(page + 4096 - sizeof("/edge/of/page"));

	if (!file || fputs("/lazy/path", file) < 0 || fflush(file))
		FAIL("tmpfile");
	for (int i = 0; i < 11; i++)
		try(untouched(fileno(file)));

	page = page_before_hole();
	memcpy(page + 4096 - strlen("/open/end"), "/open/end", strlen("/open/end"));
	for (int i = 0; i < 2; i++)
		try(page + 4096 - strlen("/open/end"));

	for (int i = 0; i < 3; i++)
		try(NULL);
	for (int i = 0; i < 7; i++)
		try((const char *)16);
	for (int i = 0; i < 2; i++)
		try((const char *)0xffffffff81000000ul);
	try("/\377\001\033[2J\303\251\n\"\\");
	return 0;
}
