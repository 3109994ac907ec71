/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Targets by where they are: --cgroup and --container. */
#pragma once

#include "record/targets.h"

/* A directory of the unified hierarchy, or its path inside of that as /proc/PID/cgroup has it. */
int target_add_cgroup(struct targets *targets, const char *path, char **ret_error);
/* The cgroup of a container whose id begins so: Docker, Podman, containerd, CRI-O, Kubernetes. */
int target_add_container(struct targets *targets, const char *id, char **ret_error);
