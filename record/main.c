/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/options.h"
#include "record/check.h"
#include "record/groups.h"
#include "record/session.h"
#include "common/version.h"

#define LEVEL_MAX      19
#define RING_BYTES_MIN 4096
#define RING_BYTES_MAX (1ull << 30)

struct arguments {
	struct settings settings;
	bool help, version, check;
	const char *format; /* of --check */
	const char *level, *events;
};

#define ROW(member) offsetof(struct arguments, member)
static const struct option_row rows[] = {
	{ 'o', "output", OPTION_STRING, ROW(settings.output), "FILE",
	  "where the trace goes (trace.trc); - is standard output, the command's own output then "
	  "goes to standard error",
	  NULL },
	{ 0, "events", OPTION_STRING, ROW(events), "GROUPS",
	  "which groups of events: a list of the names below; with + or - in front they are added "
	  "to or taken from "
	  "the default",
	  NULL },
	{ 'e', "trace", OPTION_STRING, ROW(settings.syscalls), "SET",
	  "record only these system calls: names, %class, /regex/, numbers, ! in front for all "
	  "others; the rest costs next to nothing",
	  NULL },
	{ 'g', "stacks", OPTION_LIST, ROW(settings.stacks), "SET",
	  "record stacks too, a list of: off-cpu (where threads wait: user and kernel stack), "
	  "futex "
	  "(only waits for futexes), syscall (user stack at the entry of every recorded call), "
	  "syscall=CALLS (of these; a set as for -e, to the end of the list), all; may be repeated",
	  NULL },
	{ 0, "counters", OPTION_STRING, ROW(settings.counters), "LIST",
	  "what each thread counts: cycles, instructions, cache-misses, branch-misses and other "
	  "names of perf, task-clock, context-switches, page-faults, cpu-migrations; what this "
	  "machine lacks is named and left out",
	  NULL },
	{ 's', "string-size", OPTION_SIZE, ROW(settings.string_bytes), "N",
	  "keep N bytes of strings that are not paths (256), and of the data that is read and "
	  "written (0: contents are private)",
	  NULL },
	{ 'b', "buffer", OPTION_SIZE, ROW(settings.ring_bytes), "SIZE",
	  "kernel ring per CPU, rounded up to a power of two (8M, less on large machines)", NULL },
	{ 'z', "level", OPTION_STRING, ROW(level), "N", "zstd compression level, 1 to 19 (1)",
	  NULL },
	{ 'd', "duration", OPTION_DURATION, ROW(settings.duration_ns), "TIME",
	  "stop recording after TIME (10s, 500ms, 2m); the command runs on and is waited for",
	  NULL },
	{ 0, "force", OPTION_FLAG, ROW(settings.force), NULL, "replace an existing file", NULL },
	{ 'q', "quiet", OPTION_FLAG, ROW(settings.quiet), NULL, "say nothing but errors", NULL },
	{ 'v', "verbose", OPTION_COUNT, ROW(settings.verbose), NULL,
	  "say more; twice: everything that libbpf says", NULL },
	{ 0, "check", OPTION_FLAG, ROW(check), NULL,
	  "say what this machine and these privileges allow to record, and what to do about the "
	  "rest",
	  NULL },
	{ 0, "format", OPTION_CHOICE, ROW(format), "FORM", "of --check: text or json (text)",
	  "text|json" },
	{ 'h', "help", OPTION_FLAG, ROW(help), NULL, "this text", NULL },
	{ 'V', "version", OPTION_FLAG, ROW(version), NULL, "the version", NULL },
	OPTION_END,
};

static void print_help(void)
{
	_cleanup_free_ char *options = options_help(rows);
	u64 on = groups_default();

	printf("usage: record [OPTION…] [--] COMMAND [ARGUMENT…]\n"
	       "\n"
	       "Runs COMMAND and records its system calls and processes, with all descendants, "
	       "into one file\n"
	       "that `analyze` reads on any machine.\n"
	       "\n"
	       "%s\n"
	       "Groups of events:\n",
	       options);
	for (size_t i = 0; i < GROUP_COUNT; i++)
		printf("  %-12s%s%s\n", group_name(i), group_doc(i),
		       on & GROUP_BIT(i) ? "" : "; off by default");
	printf("\n"
	       "Examples:\n"
	       "  record -o run.trc -- make -j2            a build; then: analyze report run.trc\n"
	       "  record -e %%file,connect -- ./server      only calls that name files, and "
	       "connect\n"
	       "  record -g off-cpu,syscall=openat -- ./job   and where it waits, and what opens "
	       "files\n"
	       "  record -d 10s -o - -- ./job | analyze report -\n"
	       "\n"
	       "Exit status: the command's own, or death by the same signal; 2 wrong usage, 125 "
	       "recording failed,\n"
	       "126 the command cannot be executed, 127 it was not found.\n");
}

static u64 round_up_to_power_of_two(u64 value)
{
	u64 power = RING_BYTES_MIN;

	while (power < value)
		power *= 2;
	return power;
}

/* Values that the rows' types cannot check. 0 or -1; it has spoken. */
static int check(struct arguments *arguments)
{
	struct settings *settings = &arguments->settings;
	_cleanup_free_ char *error = NULL;

	settings->groups = groups_default();
	if (arguments->events && groups_parse(arguments->events, &settings->groups, &error)) {
		log_error("--events %s: %s", arguments->events, error);
		return -1;
	}
	settings->level = 1;
	if (arguments->level && (parse_u64(arguments->level, &settings->level) ||
				 !settings->level || settings->level > LEVEL_MAX)) {
		log_error("-z %s: not a level; 1 to %d are", arguments->level, LEVEL_MAX);
		return -1;
	}
	if (settings->string_bytes != STRING_BYTES_UNSET &&
	    settings->string_bytes > STRING_BYTES_MAX) {
		log_error("-s %llu: too large; at most %d bytes of a string are kept",
			  (unsigned long long)settings->string_bytes, STRING_BYTES_MAX);
		return -1;
	}
	if (settings->ring_bytes > RING_BYTES_MAX) {
		log_error("-b %llu: too large; at most 1G per CPU",
			  (unsigned long long)settings->ring_bytes);
		return -1;
	}
	if (settings->ring_bytes)
		settings->ring_bytes = round_up_to_power_of_two(settings->ring_bytes);
	return 0;
}

/* Ends the way the command ended, without a second core dump. */
static void die_of(int signal_number)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;

	setrlimit(RLIMIT_CORE, &none);
	signal(signal_number, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, signal_number);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(signal_number);
}

/*
 * A closed stdin, stdout or stderr: or the trace would get its number, and our talk would go into it. Closed
 * again by the command's exec, so that the command finds what we found.
 */
static void hold_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.settings = { .output = "trace.trc", .string_bytes = STRING_BYTES_UNSET },
	};
	struct settings *settings = &arguments.settings;
	_cleanup_free_ char *error = NULL;
	int operand, code, signal_number = 0;

	hold_standard_fds();
	log_init("record", 0);
	if (options_parse(rows, &arguments, argc, argv, true, &operand, &error)) {
		log_error("%s", error);
		return EXIT_USAGE;
	}
	log_init("record", settings->quiet ? -1 : (int)settings->verbose);
	if (arguments.help) {
		print_help();
		return 0;
	}
	if (arguments.version) {
		printf("record (trc) %s\n", TRC_VERSION);
		return 0;
	}
	if (arguments.check)
		return check_run(arguments.format && !strcmp(arguments.format, "json"));
	if (check(&arguments))
		return EXIT_USAGE;
	if (operand >= argc) {
		log_error("no command given: record -o run.trc -- COMMAND; --help says more");
		return EXIT_USAGE;
	}
	settings->command = argv + operand;
	settings->command_argc = argc - operand;
	code = session_run(settings, &signal_number);
	option_list_release(&settings->stacks);
	if (signal_number)
		die_of(signal_number);
	return code;
}
