/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Instead of libFuzzer: runs a target over the files of a directory, each as it is and with some bytes
 * changed, always the same ones.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "tests/fuzz/fuzz.h"

#define CHANGES 40

static u8 *load(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "re");
	struct stat st;
	u8 *data;

	FUZZ_CHECK(file && !fstat(fileno(file), &st));
	data = xmalloc((size_t)st.st_size + 1);
	*ret_size = fread(data, 1, (size_t)st.st_size, file);
	FUZZ_CHECK(*ret_size == (size_t)st.st_size);
	fclose(file);
	return data;
}

static u32 next_random(u64 *state)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (u32)(*state >> 33);
}

static void run(const u8 *data, size_t size)
{
	u64 state = size;
	u8 *copy;

	LLVMFuzzerTestOneInput(data, size);
	for (u32 i = 0; size && i < CHANGES; i++) {
		/* Of its exact size, so that a sanitizer sees what reads beyond it. */
		copy = xmemdup(data, size);
		for (u32 j = 0; j <= i % 4; j++)
			copy[next_random(&state) % size] = (u8)next_random(&state);
		if (i % 2) /* it often chooses what is done */
			copy[0] = (u8)(i / 2);
		LLVMFuzzerTestOneInput(copy, size - (i % 5 ? 0 : next_random(&state) % size));
		free(copy);
	}
}

int main(int argc, char **argv)
{
	struct dirent *entry;
	u32 count = 0;
	DIR *dir;

	FUZZ_CHECK(argc == 2);
	dir = opendir(argv[1]);
	FUZZ_CHECK(dir && freopen("/dev/null", "w", stdout));
	while ((entry = readdir(dir))) {
		char *path = xasprintf("%s/%s", argv[1], entry->d_name);
		size_t size;
		u8 *data;

		if (entry->d_name[0] != '.') {
			data = load(path, &size);
			run(data, size);
			free(data);
			count++;
		}
		free(path);
	}
	closedir(dir);
	return count ? 0 : 1;
}
