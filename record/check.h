/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* record --check: what this kernel, these privileges and settings allow. */
#pragma once

#include "common/types.h"

/*
 * Prints a table, or JSON: an array of objects with kind ("machine" or "group"), name, state ("yes", "no", "partly"),
 * detail and remedy (null where nothing is to be done). Groups are judged by loading them. 0 if the groups that are on
 * by default would be recorded, else EXIT_RECORDING_FAILED.
 */
int check_run(bool json);
