/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The list of all tables: one line each. */
#include "analyze/metrics/metric.h"

#define METRICS(M)                                                                                 \
	M(trace)                                                                                   \
	M(process)                                                                                 \
	M(thread)                                                                                  \
	M(thread_time)                                                                             \
	M(process_time)                                                                            \
	M(cgroup_time)                                                                             \
	M(thread_time_series)                                                                      \
	M(wait)                                                                                    \
	M(wait_edge)                                                                               \
	M(wait_by_object)                                                                          \
	M(critical_path)                                                                           \
	M(critical_path_by_process)                                                                \
	M(exec)                                                                                    \
	M(file)                                                                                    \
	M(file_access)                                                                             \
	M(fd)                                                                                      \
	M(pipe)                                                                                    \
	M(socket)                                                                                  \
	M(socket_name)                                                                             \
	M(connection)                                                                              \
	M(net_io)                                                                                  \
	M(syscall)                                                                                 \
	M(syscall_stats)                                                                           \
	M(syscall_by_name)                                                                         \
	M(syscall_by_process)                                                                      \
	M(syscall_by_thread)                                                                       \
	M(syscall_by_file)                                                                         \
	M(syscall_by_cgroup)                                                                       \
	M(syscall_histogram)                                                                       \
	M(syscall_per_second)                                                                      \
	M(failure)                                                                                 \
	M(time_use)                                                                                \
	M(stack)                                                                                   \
	M(counter)                                                                                 \
	M(time_spent)                                                                              \
	M(loss)                                                                                    \
	M(probe)                                                                                   \
	M(futex)                                                                                   \
	M(futex_wait)                                                                              \
	M(futex_wake)                                                                              \
	M(futex_edge)                                                                              \
	M(futex_series)                                                                            \
	M(poll_wait)                                                                               \
	M(poll_ready)                                                                              \
	M(communication)                                                                           \
	M(disk_io)                                                                                 \
	M(disk_file)                                                                               \
	M(pagecache)                                                                               \
	M(page_fault)                                                                              \
	M(memory)                                                                                  \
	M(signal_event)                                                                            \
	M(capability)                                                                              \
	M(uring)                                                                                   \
	M(cgroup_usage)                                                                            \
	M(process_series)                                                                          \
	M(latency_histogram)                                                                       \
	M(errno)                                                                                   \
	M(signal)                                                                                  \
	M(syscall_name)

#define DECLARE(name)	extern const struct metric metric_##name;
#define REFERENCE(name) &metric_##name,

METRICS(DECLARE)

const struct metric *const metrics[] = { METRICS(REFERENCE) NULL };
