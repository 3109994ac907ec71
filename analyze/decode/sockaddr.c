/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Socket addresses, as strace writes the struct and as people write the address. */
#include "analyze/decode/decoder.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Layouts that are the same on all machines; linux/ headers collide with the C library's here. */
struct address_netlink {
	u16 family, pad;
	u32 pid, groups;
};

struct address_vm {
	u16 family, reserved;
	u32 port, cid;
	u8 flags, zero[3];
};

#define VM_ADDRESS_LEN 16
#define UNIX_PATH_AT   offsetof(struct sockaddr_un, sun_path)

static u16 network_u16(const u8 *data)
{
	return (u16)(data[0] << 8 | data[1]);
}

static u32 network_u32(const u8 *data)
{
	return (u32)network_u16(data) << 16 | network_u16(data + 2);
}

/* A path ends at its NUL or with the address; an abstract name has NULs of its own. */
static void unix_name(const u8 *data, size_t len, const char **ret_name, size_t *ret_len,
		      bool *ret_abstract)
{
	const char *name = (const char *)data + UNIX_PATH_AT;
	size_t room = len - UNIX_PATH_AT;

	*ret_abstract = room && !name[0];
	*ret_name = *ret_abstract ? name + 1 : name;
	*ret_len = *ret_abstract ? room - 1 : strnlen(name, room);
}

static void add_inet6(struct text *out, const u8 *address)
{
	char text[INET6_ADDRSTRLEN];

	text_adds(out, inet_ntop(AF_INET6, address, text, sizeof(text)));
}

static void add_inet(struct text *out, const u8 *address)
{
	for (int i = 0; i < 4; i++) {
		if (i)
			text_addc(out, '.');
		text_addu(out, address[i]);
	}
}

/* ---- strace's form ---- */

static void add_port(struct text *out, const char *field, const u8 *data)
{
	text_adds(out, field);
	text_add_literal(out, "htons(");
	text_addu(out, network_u16(data));
	text_addc(out, ')');
}

static void struct_unix(const u8 *data, size_t len, struct text *out)
{
	const char *name;
	size_t name_len;
	bool abstract;

	if (len <= UNIX_PATH_AT)
		return; /* unnamed */
	unix_name(data, len, &name, &name_len, &abstract);
	text_adds(out, abstract ? ", sun_path=@\"" : ", sun_path=\"");
	text_add_escaped(out, name, name_len);
	text_addc(out, '"');
}

static void struct_inet(const u8 *data, struct text *out)
{
	add_port(out, ", sin_port=", data + 2);
	text_add_literal(out, ", sin_addr=inet_addr(\"");
	add_inet(out, data + 4);
	text_add_literal(out, "\")");
}

static void struct_inet6(struct decoder *decoder, const u8 *data, size_t len, struct text *out)
{
	add_port(out, ", sin6_port=", data + 2);
	text_add_literal(out, ", sin6_flowinfo=htonl(");
	text_addu(out, network_u32(data + 4));
	text_add_literal(out, "), inet_pton(AF_INET6, \"");
	add_inet6(out, data + 8);
	text_add_literal(out, "\", &sin6_addr)");
	if (len >= 28) {
		text_add_literal(out, ", sin6_scope_id=");
		text_addu(out, payload_u32(decoder, data + 24));
	}
}

static void struct_netlink(struct decoder *decoder, const u8 *data, struct text *out)
{
	text_add_literal(out, ", nl_pid=");
	text_addi(out, (s32)payload_u32(decoder, data + offsetof(struct address_netlink, pid)));
	text_addf(out, ", nl_groups=%#08x",
		  payload_u32(decoder, data + offsetof(struct address_netlink, groups)));
}

static void add_cid(struct text *out, u32 cid)
{
	static const char *const names[] = { "VMADDR_CID_HYPERVISOR", "VMADDR_CID_LOCAL",
					     "VMADDR_CID_HOST" };

	if (cid < ARRAY_SIZE(names))
		text_adds(out, names[cid]);
	else if (cid == UINT32_MAX)
		text_add_literal(out, "VMADDR_CID_ANY");
	else
		text_addx(out, cid);
}

static void struct_vm(struct decoder *decoder, const u8 *data, struct text *out)
{
	text_add_literal(out, ", svm_cid=");
	add_cid(out, payload_u32(decoder, data + offsetof(struct address_vm, cid)));
	text_add_literal(out, ", svm_port=");
	text_addx(out, payload_u32(decoder, data + offsetof(struct address_vm, port)));
	text_add_literal(out, ", svm_flags=");
	text_addx(out, data[offsetof(struct address_vm, flags)]);
}

static void struct_packet(struct decoder *decoder, const u8 *data, size_t len, struct text *out)
{
	u8 address_len = data[11];

	text_add_literal(out, ", sll_protocol=htons(");
	value_set_add(&set_ether_protocol, network_u16(data + 2), out);
	text_add_literal(out, "), sll_ifindex=");
	text_addi(out, (s32)payload_u32(decoder, data + 4));
	text_add_literal(out, ", sll_hatype=");
	text_addx(out, payload_u16(decoder, data + 8));
	text_add_literal(out, ", sll_pkttype=");
	value_set_add(&set_packet_type, data[10], out);
	text_add_literal(out, ", sll_halen=");
	text_addu(out, address_len);
	if (!address_len)
		return;
	text_add_literal(out, ", sll_addr=[");
	for (size_t i = 0; i < address_len && i < 8 && 12 + i < len; i++) {
		if (i)
			text_add_literal(out, ", ");
		text_addx(out, data[12 + i]);
	}
	text_addc(out, ']');
}

bool decode_sockaddr_struct(struct decoder *decoder, const u8 *data, size_t len, struct text *out)
{
	u16 family;

	if (len < 2)
		return false;
	family = payload_u16(decoder, data);
	text_add_literal(out, "{sa_family=");
	value_set_add(&set_socket_domain, family, out);
	if (family == AF_UNIX) {
		struct_unix(data, len, out);
	} else if (family == AF_INET && len >= sizeof(struct sockaddr_in)) {
		struct_inet(data, out);
	} else if (family == AF_INET6 && len >= 24) {
		struct_inet6(decoder, data, len, out);
	} else if (family == AF_NETLINK && len >= sizeof(struct address_netlink)) {
		struct_netlink(decoder, data, out);
	} else if (family == AF_VSOCK && len >= VM_ADDRESS_LEN) {
		struct_vm(decoder, data, out);
	} else if (family == AF_PACKET && len >= 12) {
		struct_packet(decoder, data, len, out);
	} else if (len > 2) {
		text_add_literal(out, ", sa_data=\"");
		text_add_escaped(out, (const char *)data + 2, len - 2);
		text_addc(out, '"');
	}
	text_addc(out, '}');
	return true;
}

/* ---- the short form ---- */

static void short_unix(const u8 *data, size_t len, struct text *out)
{
	const char *name;
	size_t name_len;
	bool abstract;

	text_add_literal(out, "unix:");
	if (len <= UNIX_PATH_AT)
		return;
	unix_name(data, len, &name, &name_len, &abstract);
	if (abstract)
		text_addc(out, '@');
	text_add_escaped(out, name, name_len);
}

static void short_inet6(struct decoder *decoder, const u8 *data, size_t len, struct text *out)
{
	static const u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	u32 scope = len >= 28 ? payload_u32(decoder, data + 24) : 0;

	if (!memcmp(data + 8, mapped, sizeof(mapped))) {
		add_inet(out, data + 20);
	} else {
		text_addc(out, '[');
		add_inet6(out, data + 8);
		if (scope) {
			text_addc(out, '%');
			text_addu(out, scope);
		}
		text_addc(out, ']');
	}
	text_addc(out, ':');
	text_addu(out, network_u16(data + 2));
}

static void short_vm(struct decoder *decoder, const u8 *data, struct text *out)
{
	text_add_literal(out, "vsock:");
	text_addu(out, payload_u32(decoder, data + offsetof(struct address_vm, cid)));
	text_addc(out, ':');
	text_addu(out, payload_u32(decoder, data + offsetof(struct address_vm, port)));
}

void decode_sockaddr(struct decoder *decoder, const u8 *data, size_t len, struct text *out)
{
	u16 family = len >= 2 ? payload_u16(decoder, data) : AF_UNSPEC;

	if (family == AF_UNIX) {
		short_unix(data, len, out);
	} else if (family == AF_INET && len >= 8) {
		add_inet(out, data + 4);
		text_addc(out, ':');
		text_addu(out, network_u16(data + 2));
	} else if (family == AF_INET6 && len >= 24) {
		short_inet6(decoder, data, len, out);
	} else if (family == AF_NETLINK && len >= sizeof(struct address_netlink)) {
		text_add_literal(out, "netlink:");
		text_addu(out, payload_u32(decoder, data + offsetof(struct address_netlink, pid)));
	} else if (family == AF_VSOCK && len >= VM_ADDRESS_LEN) {
		short_vm(decoder, data, out);
	} else if (family == AF_PACKET && len >= 12) {
		text_add_literal(out, "packet:");
		text_addi(out, (s32)payload_u32(decoder, data + 4));
	} else if (family == AF_UNSPEC) {
		text_add_literal(out, "unspec");
	} else {
		value_set_add(&set_socket_domain, family, out);
	}
}
