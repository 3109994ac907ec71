/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/decode/calls.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static void add_protocol(struct args *args)
{
	u32 protocol = (u32)args->values[2];

	switch ((u32)args->values[0]) {
	case AF_INET:
	case AF_INET6:
		args_set(args, 2, &set_ip_protocol);
		return;
	case AF_NETLINK:
		args_set(args, 2, &set_netlink_protocol);
		return;
	case AF_BLUETOOTH:
		args_set(args, 2, &set_bluetooth_protocol);
		return;
	case AF_PACKET:
		args_next(args);
		text_add_literal(args->out, "htons(");
		value_set_add(&set_ether_protocol, __builtin_bswap16((u16)protocol), args->out);
		text_addc(args->out, ')');
		return;
	}
	args_unsigned(args, 2);
}

void print_socket(struct args *args)
{
	args_print_range(args, 0, 1);
	if (args->count > 2)
		add_protocol(args);
	args_print_range(args, 3, 5);
}

static const struct value_set *options_of_level(u32 level)
{
	switch (level) {
	case 0:
		return &set_sockopt_ip;
	case 1:
		return &set_sockopt_socket;
	case 6:
		return &set_sockopt_tcp;
	case 17:
		return &set_sockopt_udp;
	case AF_VSOCK: /* its level before SOL_VSOCK */
		return &set_sockopt_vsock;
	case 41:
		return &set_sockopt_ipv6;
	case 263:
		return &set_sockopt_packet;
	case 270:
		return &set_sockopt_netlink;
	}
	return NULL;
}

void print_sockopt(struct args *args)
{
	const struct value_set *set;

	args_print_range(args, 0, 1);
	if (args->count > 2) {
		set = options_of_level((u32)args->values[1]);
		if (set)
			args_set(args, 2, set);
		else
			args_int(args, 2);
	}
	args_print_range(args, 3, 5);
}
