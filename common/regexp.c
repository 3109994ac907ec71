/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "common/regexp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/types.h"

#define PIECES_MAX (1u << 16) /* characters, written out: some megabytes */

/* How many characters it is at most when all repetitions are written out, as if each were inside of the next. */
static u64 written_out(const char *source)
{
	u64 count = strlen(source);

	for (; *source && count <= PIECES_MAX; source++) {
		if (*source == '+') {
			count *= 2;
		} else if (*source == '{') {
			char *end;
			unsigned long least = strtoul(source + 1, &end, 10);
			unsigned long most = *end == ',' ? strtoul(end + 1, NULL, 10) : least;

			if (most < least)
				most = least;
			count *= (most < PIECES_MAX ? most : PIECES_MAX) + 1;
		}
	}
	return count;
}

int regexp_compile(const char *source, regex_t *ret_regex, char **ret_why)
{
	char why[128];
	int r;

	if (written_out(source) > PIECES_MAX) {
		*ret_why = xstrdup("too long, or it repeats repetitions too often");
		return -EINVAL;
	}
	r = regcomp(ret_regex, source, REG_EXTENDED | REG_NOSUB);
	if (!r)
		return 0;
	regerror(r, ret_regex, why, sizeof(why));
	*ret_why = xstrdup(why);
	return -EINVAL;
}
