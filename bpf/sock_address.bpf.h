/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of a socket as getsockname and getpeername would tell them, out of the kernel's own structures. */
#pragma once

#include "bpf/core.bpf.h"

#define AF_UNIX	   1
#define AF_INET	   2
#define AF_INET6   10
#define AF_NETLINK 16
#define AF_PACKET  17
#define AF_VSOCK   40

#define ADDRESS_BYTES 128 /* sizeof(struct sockaddr_storage) */

enum sock_side { SIDE_LOCAL = 0, SIDE_PEER = 1 };

/* A sockaddr being put together; bytes behind its end are zero. */
struct sock_address {
	union {
		u8 bytes[ADDRESS_BYTES];
		u64 words[ADDRESS_BYTES / 8];
		u16 family;
		struct {
			u16 in_family;
			u16 in_port;
			u32 in_addr;
		};
		struct {
			u16 in6_family;
			u16 in6_port;
			u32 in6_flow;
			struct in6_addr in6_addr;
			u32 in6_scope;
		};
		struct {
			u16 nl_family;
			u16 nl_zero;
			u32 nl_port;
			u32 nl_groups;
		};
		struct {
			u16 ll_family;
			u16 ll_protocol;
			s32 ll_index;
		};
	};
};

static __always_inline u32 address_inet(struct sock_address *a, struct sock *sk, u32 side)
{
	if (side == SIDE_PEER) {
		a->in_addr = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		a->in_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	} else {
		a->in_addr = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		/* Chosen for sending, without being bound to it. */
		if (!a->in_addr)
			a->in_addr = BPF_CORE_READ((struct inet_sock *)sk, inet_saddr);
		a->in_port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	}
	return a->in_addr || a->in_port ? 16 : 0;
}

static __always_inline u32 address_inet6(struct sock_address *a, struct sock *sk, u32 side)
{
	if (!bpf_core_field_exists(sk->__sk_common.skc_v6_daddr))
		return 0;
	if (side == SIDE_PEER) {
		BPF_CORE_READ_INTO(&a->in6_addr, sk, __sk_common.skc_v6_daddr);
		a->in6_port = BPF_CORE_READ(sk, __sk_common.skc_dport);
	} else {
		BPF_CORE_READ_INTO(&a->in6_addr, sk, __sk_common.skc_v6_rcv_saddr);
		a->in6_port = BPF_CORE_READ((struct inet_sock *)sk, inet_sport);
	}
	/* A link-local address means something with its interface only. */
	if (a->bytes[8] == 0xfe && (a->bytes[9] & 0xc0) == 0x80)
		a->in6_scope = BPF_CORE_READ(sk, __sk_common.skc_bound_dev_if);
	return a->in6_port || a->words[1] || a->words[2] ? 28 : 0;
}

static __always_inline u32 address_unix(struct sock_address *a, struct sock *sk, u32 side)
{
	struct unix_address *address;
	u32 len;

	if (side == SIDE_PEER)
		sk = BPF_CORE_READ((struct unix_sock *)sk, peer);
	if (!sk)
		return 0;
	address = BPF_CORE_READ((struct unix_sock *)sk, addr);
	if (!address)
		return 2; /* it has no name */
	len = BPF_CORE_READ(address, len);
	if (len > ADDRESS_BYTES)
		len = ADDRESS_BYTES;
	barrier_var(len);
	if (len <= ADDRESS_BYTES &&
	    bpf_probe_read_kernel(a->bytes, len,
				  (void *)address +
					  bpf_core_field_offset(struct unix_address, name)))
		return 0;
	return len;
}

static __always_inline u32 address_netlink(struct sock_address *a, struct sock *sk, u32 side)
{
	struct netlink_sock *nl = (void *)sk;
	unsigned long *groups;
	u32 group;

	if (!bpf_core_type_exists(struct netlink_sock))
		return 0;
	if (side == SIDE_PEER) {
		a->nl_port = BPF_CORE_READ(nl, dst_portid);
		group = BPF_CORE_READ(nl, dst_group);
		a->nl_groups = group ? 1u << ((group - 1) & 31) : 0;
	} else {
		a->nl_port = BPF_CORE_READ(nl, portid);
		groups = BPF_CORE_READ(nl, groups);
		if (groups)
			bpf_probe_read_kernel(&a->nl_groups, sizeof(a->nl_groups), groups);
	}
	return a->nl_port || a->nl_groups ? 12 : 0;
}

static __always_inline u32 address_packet(struct sock_address *a, struct sock *sk, u32 side)
{
	struct packet_sock *packet = (void *)sk;

	if (side == SIDE_PEER || !bpf_core_type_exists(struct packet_sock))
		return 0;
	a->ll_protocol = BPF_CORE_READ(packet, num);
	a->ll_index = BPF_CORE_READ(packet, ifindex);
	return a->ll_protocol || a->ll_index ? 20 : 0;
}

#define VSOCK_ANY 0xffffffffffffffffull /* port and context */

static __always_inline u32 address_vsock(struct sock_address *a, struct sock *sk, u32 side)
{
	u32 off;

	if (!bpf_core_type_exists(struct vsock_sock))
		return 0;
	off = side == SIDE_PEER ? bpf_core_field_offset(struct vsock_sock, remote_addr)
				: bpf_core_field_offset(struct vsock_sock, local_addr);
	if (bpf_probe_read_kernel(a->bytes, 16, (void *)sk + off) ||
	    *(u64 *)(a->bytes + 4) == VSOCK_ANY)
		return 0;
	return 16;
}

/* Fills the address in; returns its length, 0 if the socket has none. Global, so that the verifier looks at it once. */
__noinline __weak int sock_address_read(struct sock_address *a, u64 socket, u32 side)
{
	struct sock *sk = (void *)socket;
	u32 len = 0, family;

	if (!a)
		return 0;
	for (u32 i = 0; i < ADDRESS_BYTES / 8; i++)
		a->words[i] = 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	switch (family) {
	case AF_UNIX:
		len = address_unix(a, sk, side);
		break;
	case AF_INET:
		len = address_inet(a, sk, side);
		break;
	case AF_INET6:
		len = address_inet6(a, sk, side);
		break;
	case AF_NETLINK:
		len = address_netlink(a, sk, side);
		break;
	case AF_PACKET:
		len = address_packet(a, sk, side);
		break;
	case AF_VSOCK:
		len = address_vsock(a, sk, side);
		break;
	}
	a->family = family;
	return len;
}

/* The number of a socket's inode; 0: it has none. */
static __always_inline u64 sock_inode(u64 sk)
{
	struct socket *socket = BPF_CORE_READ((struct sock *)sk, sk_socket);
	struct socket_alloc *alloc;

	if (!sk || !socket)
		return 0;
	alloc = (void *)socket - bpf_core_field_offset(struct socket_alloc, socket);
	return BPF_CORE_READ(alloc, vfs_inode.i_ino);
}
