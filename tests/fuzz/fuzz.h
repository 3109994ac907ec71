/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the fuzz targets share. A target is fuzz_NAME.c with one LLVMFuzzerTestOneInput(); run.sh feeds it
 * with what libFuzzer invents, the normal test run with what corpus/NAME/ holds.
 */
#pragma once

#include <stdlib.h>

#include "common/types.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* A finding: what is checked beyond the absence of crashes. */
#define FUZZ_CHECK(condition)                                                                      \
	do {                                                                                       \
		if (!(condition))                                                                  \
			abort();                                                                   \
	} while (0)

#define FUZZ_FILE_PATH 32

/*
 * The bytes as a file in memory, to be opened by its path; one at a time. The checksums of heads and of
 * uncompressed payloads are made right where records stand, so that what is behind them is reached; not
 * if the first byte is 0xff, which is no part of the file.
 */
const char *fuzz_file(const u8 *data, size_t size);
/* An empty file in memory, written by one and read by the other. */
int fuzz_output(char path[FUZZ_FILE_PATH]);
/* The bytes as a string that ends with them; to be freed. */
char *fuzz_string(const u8 *data, size_t size);
