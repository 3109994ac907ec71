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
#include "record/backend.h"
#include "record/check.h"
#include "record/command.h"
#include "record/groups.h"
#include "record/modes.h"
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
	{ 'p', "pid", OPTION_LIST, ROW(settings.targets.pids), "PID[,PID]",
	  "attach to these processes: all threads, all descendants; may be repeated, as all that "
	  "choose targets",
	  NULL },
	{ 't', "tid", OPTION_LIST, ROW(settings.targets.tids), "TID[,TID]",
	  "attach to these threads alone, and to what they start", NULL },
	{ 'n', "name", OPTION_LIST, ROW(settings.targets.names), "NAME|/REGEX/",
	  "attach to the processes of that name, or whose argv[0] ends so; a name of up to 15 "
	  "bytes "
	  "also to those that take it later; /REGEX/ is looked for in the names and command lines "
	  "of what runs at the start",
	  NULL },
	{ 0, "cgroup", OPTION_LIST, ROW(settings.targets.cgroups), "PATH",
	  "attach to the processes of a cgroup and of those below it, as in /sys/fs/cgroup or in "
	  "/proc/PID/cgroup; also to those that are moved there later",
	  NULL },
	{ 0, "container", OPTION_LIST, ROW(settings.targets.containers), "ID",
	  "attach to a container of Docker, Podman, containerd or Kubernetes: the id or its "
	  "beginning; also to what is started in it later",
	  NULL },
	{ 'u', "uid", OPTION_LIST, ROW(settings.targets.users), "USER",
	  "attach to the processes whose real user it is; also to those that become its own later, "
	  "at their next fork or exec",
	  NULL },
	{ 'a', "all", OPTION_FLAG, ROW(settings.targets.all), NULL,
	  "attach to everything but this recorder", NULL },
	{ 0, "user", OPTION_STRING, ROW(settings.user), "NAME",
	  "run the command as this user, with its groups, HOME, SHELL, USER and LOGNAME; under "
	  "sudo "
	  "the default is who called it; root keeps root",
	  NULL },
	{ 'e', "trace", OPTION_STRING, ROW(settings.syscalls), "SET",
	  "record only these system calls: names, %class, /regex/, numbers, ! in front for all "
	  "others; the rest costs next to nothing",
	  NULL },
	{ 'Z', "failed", OPTION_FLAG, ROW(settings.failed), NULL, "record only calls that fail",
	  NULL },
	{ 0, "successful", OPTION_FLAG, ROW(settings.successful), NULL,
	  "record only calls that succeed (strace's -z; here -z is a level)", NULL },
	{ 0, "errno", OPTION_STRING, ROW(settings.errnos), "ERROR,…",
	  "record only calls that fail with one of these: ENOENT,EACCES", NULL },
	{ 0, "min-duration", OPTION_DURATION, ROW(settings.min_duration_ns), "TIME",
	  "record only calls that take at least TIME (10ms, 500us)", NULL },
	{ 0, "path", OPTION_STRING, ROW(settings.path), "PREFIX",
	  "record only calls that name PREFIX or a path under it, as they spell it, or that use or "
	  "make a descriptor of a file under it, if PREFIX is absolute",
	  NULL },
	{ 0, "comm", OPTION_STRING, ROW(settings.comm), "NAME,…",
	  "record only calls of threads with one of these names; * and ? stand for any bytes, any "
	  "byte",
	  NULL },
	{ 0, "sample", OPTION_STRING, ROW(settings.sample), "[SET=]N,…",
	  "record one call of N, or one of N of the calls in SET (as for -e), per process and "
	  "call; "
	  "the others are counted exactly",
	  NULL },
	{ 'g', "stacks", OPTION_LIST, ROW(settings.stacks), "SET",
	  "record stacks too, a list of: off-cpu (where threads wait: user and kernel stack), "
	  "futex "
	  "(only waits for futexes), syscall (user stack at the entry of every recorded call), "
	  "syscall=CALLS (of these; a set as for -e, to the end of the list), all; may be "
	  "repeated; "
	  "user stacks are whole only of code with frame pointers (-fno-omit-frame-pointer)",
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
	{ 0, "env", OPTION_FLAG, ROW(settings.environment), NULL,
	  "keep the environments that programs are started with; they hold secrets", NULL },
	{ 0, "backend", OPTION_CHOICE, ROW(settings.backend), "WHICH",
	  "bpf, ptrace (slower, needs no privilege; records the groups task and syscall of a "
	  "command) or "
	  "auto: ptrace where BPF cannot be had (auto)",
	  "bpf|ptrace|auto" },
	{ 'b', "buffer", OPTION_SIZE, ROW(settings.ring_bytes), "SIZE",
	  "kernel ring per CPU, rounded up to a power of two (8M, less on large machines)", NULL },
	{ 'z', "level", OPTION_STRING, ROW(level), "N", "zstd compression level, 1 to 19 (1)",
	  NULL },
	{ 'd', "duration", OPTION_DURATION, ROW(settings.modes.duration_ns), "TIME",
	  "stop recording after TIME (10s, 500ms, 2m); the command runs on and is waited for",
	  NULL },
	{ 0, "max-events", OPTION_U64, ROW(settings.modes.max_events), "N",
	  "stop recording after N events", NULL },
	{ 0, "max-size", OPTION_SIZE, ROW(settings.modes.max_bytes), "SIZE",
	  "stop recording before the file is larger than SIZE", NULL },
	{ 0, "delay", OPTION_DURATION, ROW(settings.modes.delay_ns), "TIME",
	  "the command starts at once, recording TIME later", NULL },
	{ 0, "start-at", OPTION_STRING, ROW(settings.modes.start_at), "MOMENT",
	  "recording begins at that wall-clock time: 14:05, 14:05:30, \"2030-01-31 14:05\"", NULL },
	{ 0, "rotate", OPTION_STRING, ROW(settings.modes.rotate), "LIMIT",
	  "begin a new file at each LIMIT: 100M, 10min, 1G,10min; for -o run.trc they are "
	  "run-0001.trc, run-0002.trc …, each complete in itself",
	  NULL },
	{ 0, "keep", OPTION_U64, ROW(settings.modes.keep), "N",
	  "of the files of --rotate or -F only the last N", NULL },
	{ 'F', "flight", OPTION_STRING, ROW(settings.modes.flight), "LIMIT",
	  "flight recorder: keep the last LIMIT (30s, 100M, 30s,100M) in memory, write it on "
	  "SIGUSR2, on --trigger and at the end, to run-0001.trc, run-0002.trc …",
	  NULL },
	{ 0, "trigger", OPTION_LIST, ROW(settings.modes.triggers), "EXPR",
	  "write the flight recorder's memory at each event like "
	  "syscall=fsync,duration>100ms or syscall=open*,errno=EACCES or exit,code!=0; may be "
	  "given several times",
	  NULL },
	{ 0, "control", OPTION_STRING, ROW(settings.modes.control), "FIFO[,FIFO]",
	  "obey lines from the first FIFO: start, stop, flush, dump, rotate, status, quit; answer "
	  "into the second",
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
	       "       record -p PID | -t TID | -n NAME | --cgroup PATH | --container ID | -u USER "
	       "| "
	       "-a [OPTION…]\n"
	       "\n"
	       "Runs COMMAND, or attaches to what runs already, and records system calls and "
	       "processes, with all\n"
	       "descendants, into one file that `analyze` reads on any machine.\n"
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
	       "  record -d 10s -o - -- ./job | analyze report -\n"
	       "  record -p 1234 -d 30s -o run.trc         a server that runs already; or until "
	       "Ctrl-C\n"
	       "\n"
	       "A recording ends with the command, without one when all targets have ended; after "
	       "-d and "
	       "the like; and by\n"
	       "SIGINT (Ctrl-C), SIGTERM, SIGHUP or SIGQUIT, which a command is left to decide "
	       "about: "
	       "the third stops it.\n"
	       "\n"
	       "Exit status: the command's own, or death by the same signal; without a command 0; "
	       "2 "
	       "wrong usage,\n"
	       "125 recording failed, 126 the command cannot be executed, 127 it was not found.\n");
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
	if (modes_check(settings, &error) || backend_check(settings, &error)) {
		log_error("%s", error);
		return -1;
	}
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

static void arguments_release(struct arguments *arguments)
{
	option_list_release(&arguments->settings.stacks);
	option_list_release(&arguments->settings.modes.triggers);
	target_options_release(&arguments->settings.targets);
}

int main(int argc, char **argv)
{
	_cleanup_(arguments_release) struct arguments arguments = {
		.settings = { .output = "trace.trc",
			      .string_bytes = STRING_BYTES_UNSET,
			      .backend = "auto",
			      .modes.keep = KEEP_ALL },
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
	if (operand >= argc && !target_options_given(&settings->targets)) {
		log_error("no command given: record -o run.trc -- COMMAND, nor a target such as -p "
			  "PID; "
			  "--help says more");
		return EXIT_USAGE;
	}
	command_raise_files_limit();
	settings->command = argv + operand;
	settings->command_argc = argc - operand;
	code = session_run(settings, &signal_number);
	if (signal_number)
		die_of(signal_number);
	return code;
}
