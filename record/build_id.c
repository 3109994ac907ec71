/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "record/build_id.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/cleanup.h"

#define SEGMENTS_MAX 64
#define NOTES_MAX    65536 /* bytes of a segment of notes that are looked at */

struct segment {
	u64 offset, size;
};

/* Files are foreign: nothing is opened for reading that is not the regular file that was mapped. */
static int open_same(const char *path, u64 inode, int *ret_fd)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_free_ char *again = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_ino != inode)
		return -ESTALE;
	again = xasprintf("/proc/self/fd/%d", fd);
	*ret_fd = open(again, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return *ret_fd < 0 ? -errno : 0;
}

static bool read_at(int fd, void *data, size_t size, u64 offset)
{
	return offset <= INT64_MAX && pread(fd, data, size, offset) == (ssize_t)size;
}

#define NOTE_SEGMENTS(bits)                                                                        \
	static size_t note_segments_##bits(int fd, const void *head, struct segment *segments)     \
	{                                                                                          \
		const Elf##bits##_Ehdr *elf = head;                                                \
		Elf##bits##_Phdr program;                                                          \
		size_t count = 0;                                                                  \
                                                                                                   \
		for (u16 i = 0; i < elf->e_phnum && i < SEGMENTS_MAX; i++) {                       \
			if (!read_at(fd, &program, sizeof(program),                                \
				     elf->e_phoff + (u64)i * sizeof(program)))                     \
				break;                                                             \
			if (program.p_type == PT_NOTE)                                             \
				segments[count++] =                                                \
					(struct segment){ program.p_offset, program.p_filesz };    \
		}                                                                                  \
		return count;                                                                      \
	}

NOTE_SEGMENTS(32)
NOTE_SEGMENTS(64)

/* Name and contents of each note are padded to 4 bytes. */
static int find_note(const u8 *notes, size_t size, u8 *ret_id)
{
	Elf64_Nhdr note; /* the same in both classes */

	while (size >= sizeof(note)) {
		u64 name, contents;

		memcpy(&note, notes, sizeof(note));
		name = ((u64)note.n_namesz + 3) & ~3ull;
		contents = ((u64)note.n_descsz + 3) & ~3ull;
		if (sizeof(note) + name + contents > size)
			return 0;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + sizeof(note), "GNU", 4) && note.n_descsz &&
		    note.n_descsz <= BUILD_ID_BYTES_MAX) {
			memcpy(ret_id, notes + sizeof(note) + name, note.n_descsz);
			return note.n_descsz;
		}
		notes += sizeof(note) + name + contents;
		size -= sizeof(note) + name + contents;
	}
	return 0;
}

static int read_id(int fd, u8 *ret_id)
{
	struct segment segments[SEGMENTS_MAX];
	size_t count;
	union {
		u8 ident[EI_NIDENT];
		Elf32_Ehdr elf32;
		Elf64_Ehdr elf64;
	} head = { 0 };
	int len = 0;

	if (!read_at(fd, &head, sizeof(head.elf32), 0) || memcmp(head.ident, ELFMAG, SELFMAG))
		return 0;
	read_at(fd, &head, sizeof(head.elf64), 0);
	count = head.ident[EI_CLASS] == ELFCLASS32 ? note_segments_32(fd, &head, segments)
						   : note_segments_64(fd, &head, segments);
	for (size_t i = 0; i < count && !len; i++) {
		u64 size = segments[i].size < NOTES_MAX ? segments[i].size : NOTES_MAX;
		_cleanup_free_ u8 *notes = xmalloc(size + 1);

		if (read_at(fd, notes, size, segments[i].offset))
			len = find_note(notes, size, ret_id);
	}
	return len;
}

int build_id_read(u32 pid, const char *path, u64 inode, u8 ret_id[BUILD_ID_BYTES_MAX])
{
	_cleanup_free_ char *inside = xasprintf("/proc/%u/root%s", pid, path);
	_cleanup_close_ int fd = -1;
	int err = open_same(inside, inode, &fd);

	/* The process is gone: the file may be ours too. */
	if (err)
		err = open_same(path, inode, &fd);
	return err ? err : read_id(fd, ret_id);
}
