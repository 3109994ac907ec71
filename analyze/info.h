/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `analyze info` prints. */
#pragma once

#include "analyze/walk.h"

#include <stdio.h>

void info_print(const struct walk *walk, bool json, FILE *file);
void info_print_schema(const struct schema *schema, FILE *file);
