/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * TCP: retransmissions, resets, states.
 *
 * Most of it happens in soft interrupts, whatever thread runs. So a socket is given its owner, in storage of its own, at
 * what only its user does: when a target connects, listens, sends or receives with it. What a listener accepts is its
 * child and has its owner from it.
 */
#include "bpf/core.bpf.h"
#include <bpf/bpf_endian.h>

#define PROTOCOL_TCP   6
#define FAMILY_INET    2
#define FAMILY_INET6   10
#define STATE_SYN_SENT 2
#define STATE_LISTEN   10

struct tcp_owner {
	u32 tid, tgid;
};

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC | BPF_F_CLONE);
	__type(key, int);
	__type(value, struct tcp_owner);
} tcp_owners SEC(".maps");

struct sockaddr_in {
	u16 family, port;
	u32 address;
	u64 zero;
};

struct sockaddr_in6 {
	u16 family, port;
	u32 flow;
	u8 address[16];
	u32 scope, zero;
};

#define SOCKADDR_IN6_BYTES 28 /* the last word is not of it */

/* A record's tail: the two addresses. */
union tcp_tail {
	struct {
		struct trc_item local_item;
		struct sockaddr_in local;
		struct trc_item peer_item;
		struct sockaddr_in peer;
	} v4;
	struct {
		struct trc_item local_item;
		struct sockaddr_in6 local;
		struct trc_item peer_item;
		struct sockaddr_in6 peer;
	} v6;
};

static __always_inline void own(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct tcp_owner owner = { task->pid, task->tgid };

	if (task_watched(task))
		bpf_sk_storage_get(&tcp_owners, sk, &owner, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline struct trc_item sockaddr_item(u8 field, u16 len)
{
	return (struct trc_item){ .field = field, .type = TRC_TYPE_sockaddr, .len = len };
}

/* Returns the tail's length. */
static __always_inline u32 fill_tail(union tcp_tail *tail, struct sock *sk)
{
	u16 family = sk->__sk_common.skc_family;
	u16 local_port = bpf_htons(sk->__sk_common.skc_num);
	u16 peer_port = sk->__sk_common.skc_dport;

	__builtin_memset(tail, 0, sizeof(*tail));
	if (family == FAMILY_INET) {
		tail->v4.local_item = sockaddr_item(0, sizeof(tail->v4.local));
		tail->v4.local.family = family;
		tail->v4.local.port = local_port;
		tail->v4.local.address = sk->__sk_common.skc_rcv_saddr;
		tail->v4.peer_item = sockaddr_item(1, sizeof(tail->v4.peer));
		tail->v4.peer.family = family;
		tail->v4.peer.port = peer_port;
		tail->v4.peer.address = sk->__sk_common.skc_daddr;
		return sizeof(tail->v4);
	}
	if (family != FAMILY_INET6)
		return 0;
	tail->v6.local_item = sockaddr_item(0, SOCKADDR_IN6_BYTES);
	tail->v6.local.family = family;
	tail->v6.local.port = local_port;
	BPF_CORE_READ_INTO(&tail->v6.local.address, sk, __sk_common.skc_v6_rcv_saddr);
	tail->v6.peer_item = sockaddr_item(1, SOCKADDR_IN6_BYTES);
	tail->v6.peer.family = family;
	tail->v6.peer.port = peer_port;
	BPF_CORE_READ_INTO(&tail->v6.peer.address, sk, __sk_common.skc_v6_daddr);
	return sizeof(tail->v6);
}

static __always_inline u64 inode_of(struct sock *sk)
{
	struct socket *socket = BPF_CORE_READ(sk, sk_socket);
	struct inode *inode;

	if (!socket)
		return 0;
	inode = (void *)socket - bpf_core_field_offset(struct socket_alloc, socket) +
		bpf_core_field_offset(struct socket_alloc, vfs_inode);
	return BPF_CORE_READ(inode, i_ino);
}

/* Fills all but what only one kind has. A macro, because the kinds are different structs. */
#define tcp_send(event, tail, sk, owner, kind_)                                                    \
	({                                                                                         \
		u64 now_ = bpf_ktime_get_ns();                                                     \
		u32 len_;                                                                          \
                                                                                                   \
		head_fill_ids(&(event)->head, (owner)->tid, (owner)->tgid, kind_,                  \
			      sizeof(*(event)) / 8, now_);                                         \
		(event)->cookie = bpf_get_socket_cookie(sk);                                       \
		(event)->inode = inode_of(sk);                                                     \
		(event)->net_ns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);             \
		len_ = sizeof(*(event)) + fill_tail(tail, sk);                                     \
		(event)->head.len = len_;                                                          \
		if (len_ <= sizeof(*(event)) + sizeof(*(tail)))                                    \
			record_send(event, len_, kind_, now_);                                     \
	})

SEC("tp_btf/sock_send_length")
int BPF_PROG(tcp_sent, struct sock *sk, int ret, int flags)
{
	if (sk && sk->sk_protocol == PROTOCOL_TCP)
		own(sk);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(tcp_received, struct sock *sk, int ret, int flags)
{
	if (sk && sk->sk_protocol == PROTOCOL_TCP)
		own(sk);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_set, struct sock *sk, int old_state, int new_state)
{
	struct {
		struct trc_tcp_state event;
		union tcp_tail tail;
	} record;
	struct tcp_owner *owner;

	if (!sk || sk->sk_protocol != PROTOCOL_TCP)
		return 0;
	if (new_state == STATE_SYN_SENT || new_state == STATE_LISTEN)
		own(sk);
	owner = bpf_sk_storage_get(&tcp_owners, sk, 0, 0);
	if (!owner)
		return 0;
	record.event.old_state = old_state;
	record.event.new_state = new_state;
	tcp_send(&record.event, &record.tail, sk, owner, TRC_KIND_tcp_state);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmitted, struct sock *sk, struct sk_buff *skb)
{
	struct {
		struct trc_tcp_retransmit event;
		union tcp_tail tail;
	} record;
	struct tcp_skb_cb *cb = (void *)skb + bpf_core_field_offset(struct sk_buff, cb);
	struct tcp_owner *owner;

	if (!sk)
		return 0;
	owner = bpf_sk_storage_get(&tcp_owners, sk, 0, 0);
	if (!owner)
		return 0;
	record.event.state = sk->__sk_common.skc_state;
	record.event.seq = BPF_CORE_READ(cb, seq);
	record.event.bytes = BPF_CORE_READ(cb, end_seq) - record.event.seq;
	tcp_send(&record.event, &record.tail, sk, owner, TRC_KIND_tcp_retransmit);
	return 0;
}

static __always_inline int reset(struct sock *sk, bool received)
{
	struct {
		struct trc_tcp_reset event;
		union tcp_tail tail;
	} record;
	struct tcp_owner *owner;

	/* One that answers what came to no socket. */
	if (!sk)
		return 0;
	owner = bpf_sk_storage_get(&tcp_owners, sk, 0, 0);
	if (!owner)
		return 0;
	record.event.state = sk->__sk_common.skc_state;
	record.event.received = received;
	tcp_send(&record.event, &record.tail, sk, owner, TRC_KIND_tcp_reset);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_sent, struct sock *sk)
{
	return reset(sk, false);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_received, struct sock *sk)
{
	return reset(sk, true);
}
