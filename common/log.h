/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Talk on stderr: "record: …". Only main, cmd_* and session speak; everything below returns errors. */
#pragma once

void log_init(const char *program, int verbosity); /* -1 quiet, 0 normal, 1 verbose, 2 debug */
/* An error: always printed. */
__attribute__((format(printf, 1, 2))) void log_error(const char *format, ...);
/* These two not when quiet. */
__attribute__((format(printf, 1, 2))) void log_warning(const char *format, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *format, ...);
/* From verbosity 1 on. */
__attribute__((format(printf, 1, 2))) void log_verbose(const char *format, ...);
