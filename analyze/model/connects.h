/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What came of a connect: the call tells, or, where it goes on behind the call, an event. Each failure counts once:
 * where it happened, and not again where a second call fetches it.
 */
#pragma once

#include "analyze/model/sockets.h"

/* For the model: the socket's name follows. */
void connect_told(struct socket *socket, const struct trc_sock *record);

/* The error to be counted with a call of connect; 0: none, or not with it. `socket` may be NULL. */
u32 connect_call_error(const struct socket *socket, const struct trc_syscall *record);
/* The same with the event, after connect_told(). */
u32 connect_late_error(const struct socket *socket, const struct trc_sock *record);
