/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pages of files that enter and leave the page cache, by the hand of a target. */
#include "bpf/core.bpf.h"
#include "bpf/space.bpf.h"

/* Of a folio, or of a page before there were folios. */
static __always_inline u32 pages_of(u64 folio)
{
	u64 flags = 0;

	/* The first word of a page, in all kernels. */
	bpf_probe_read_kernel(&flags, sizeof(flags), (void *)folio);
	if (!(flags & 1ull << bpf_core_enum_value(enum pageflags, PG_head)))
		return 1;
	if (bpf_core_field_exists(struct folio, _nr_pages))
		return BPF_CORE_READ((struct folio *)folio, _nr_pages);
	if (bpf_core_field_exists(struct folio___nr, _folio_nr_pages))
		return BPF_CORE_READ((struct folio___nr *)folio, _folio_nr_pages);
	if (bpf_core_field_exists(struct folio___order, _folio_order))
		return 1u << (BPF_CORE_READ((struct folio___order *)folio, _folio_order) & 31);
	folio += bpf_core_type_size(struct page___old);
	return BPF_CORE_READ((struct page___old *)folio, compound_nr);
}

/* Both records have the same fields. */
static __always_inline int send(u64 folio, u16 kind)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct trc_pagecache_add event;
	struct address_space *mapping;
	struct inode *inode;
	u64 now;

	_Static_assert(sizeof(event) == sizeof(struct trc_pagecache_delete), "the same fields");
	if (!task_watched(task))
		return 0;
	now = bpf_ktime_get_ns();
	head_fill(&event.head, task, kind, sizeof(event) / 8, now);
	if (bpf_core_type_exists(struct folio)) {
		mapping = BPF_CORE_READ((struct folio *)folio, mapping);
		event.index = BPF_CORE_READ((struct folio *)folio, index);
	} else {
		mapping = BPF_CORE_READ((struct page___old *)folio, mapping);
		event.index = BPF_CORE_READ((struct page___old *)folio, index);
	}
	inode = BPF_CORE_READ(mapping, host);
	event.inode = BPF_CORE_READ(inode, i_ino);
	event.device = inode_device(inode);
	event.pages = pages_of(folio);
	record_send(&event, sizeof(event), kind, now);
	return 0;
}

SEC("tp_btf/mm_filemap_add_to_page_cache")
int pagecache_add(u64 *ctx)
{
	return send(ctx[0], TRC_KIND_pagecache_add);
}

SEC("tp_btf/mm_filemap_delete_from_page_cache")
int pagecache_delete(u64 *ctx)
{
	return send(ctx[0], TRC_KIND_pagecache_delete);
}
