/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What sockets are called: their names over time, and the sockets of the same trace that they talk to. */
#pragma once

#include "analyze/model/model.h"
#include "analyze/model/object.h"

struct fds;
struct socket;

void socket_event(struct fds *fds, struct thread *thread, const struct trc_sock *record);
void socket_free(struct socket *socket); /* accepts NULL */
