/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One recording, from the options to the closed file. */
#pragma once

#include "record/settings.h"

enum exit_code {
	EXIT_USAGE = 2,
	EXIT_RECORDING_FAILED = 125,
	EXIT_NOT_EXECUTABLE = 126,
	EXIT_NOT_FOUND = 127,
};

/*
 * Records and speaks on stderr. Returns the exit code for the process: the command's own, or one of the above;
 * when the command died of a signal *ret_signal is that signal and the caller is to die of it too.
 */
int session_run(const struct settings *settings, int *ret_signal);
