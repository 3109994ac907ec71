/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "analyze/model/symbols.h"

#include "common/alloc.h"
#include "common/cleanup.h"
#include "common/hash.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#ifdef TRC_LIBELF
#include <gelf.h>

#define FILES_MAX	 4096
#define FILE_SLOTS	 (2 * FILES_MAX)
#define FILE_BYTES_MAX	 (4ull << 30)
#define SYMBOLS_TOTAL	 (64u << 20) /* that are looked at, of all files together */
#define FUNCTIONS_TOTAL	 (16u << 20) /* the same, that are taken */
#define NAME_BYTES_MAX	 4096
#define NAME_BYTES_TOTAL (1ull << 30)
#define SEGMENTS_MAX	 64
#define NOTE_BYTES_MAX	 65536

struct function {
	u64 start, end; /* addresses as the file has them; end 0: up to the next */
	char *name;
};

struct segment {
	u64 offset, address, bytes;
};

struct place {
	u64 inode;
	u32 dev_major, dev_minor;
};

struct file {
	u8 id[BUILD_ID_MAX]; /* or its place */
	size_t id_len;
	bool by_place;	/* for it has no id */
	s64 changed_ns; /* of such a one, the last time */
	size_t segment_count;
	struct segment segments[SEGMENTS_MAX];
	size_t count, capacity;
	struct function *functions; /* by start */
};

struct symbols {
	size_t file_count;
	struct file *files[FILE_SLOTS]; /* a hash table, by id */
	size_t symbol_count, function_count;
	u64 name_bytes;
	bool here; /* the trace was recorded on this machine */
};

static bool is_this_machine(const char *machine_id)
{
	_cleanup_close_ int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
	char own[64];
	ssize_t len = fd < 0 ? 0 : read(fd, own, sizeof(own));

	while (len > 0 && own[len - 1] == '\n')
		len--;
	return len > 0 && machine_id && strlen(machine_id) == (size_t)len &&
	       !memcmp(machine_id, own, (size_t)len);
}

struct symbols *symbols_new(const char *machine_id)
{
	struct symbols *symbols = xcalloc(1, sizeof(*symbols));

	elf_version(EV_CURRENT);
	symbols->here = is_this_machine(machine_id);
	return symbols;
}

static void functions_free(struct file *file)
{
	for (size_t i = 0; i < file->count; i++)
		free(file->functions[i].name);
	free(file->functions);
}

void symbols_free(struct symbols *symbols)
{
	if (!symbols)
		return;
	for (size_t i = 0; i < FILE_SLOTS; i++) {
		if (!symbols->files[i])
			continue;
		functions_free(symbols->files[i]);
		free(symbols->files[i]);
	}
	free(symbols);
}

/* ---- one file ---- */

static bool has_id(Elf *elf, const struct file *file)
{
	Elf_Scn *section = NULL;

	while ((section = elf_nextscn(elf, section))) {
		size_t at = 0, next, name_at, id_at;
		GElf_Nhdr note;
		GElf_Shdr header;
		Elf_Data *data;

		if (!gelf_getshdr(section, &header) || header.sh_type != SHT_NOTE ||
		    header.sh_size > NOTE_BYTES_MAX)
			continue;
		data = elf_getdata(section, NULL);
		while (data && (next = gelf_getnote(data, at, &note, &name_at, &id_at))) {
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
			    !memcmp((char *)data->d_buf + name_at, "GNU", 4) &&
			    note.n_descsz == file->id_len &&
			    !memcmp((char *)data->d_buf + id_at, file->id, file->id_len))
				return true;
			at = next;
		}
	}
	return false;
}

static bool has_place(int fd, struct file *file)
{
	struct place place;
	struct stat st;

	memcpy(&place, file->id, sizeof(place));
	if (fstat(fd, &st) || st.st_ino != place.inode || major(st.st_dev) != place.dev_major ||
	    minor(st.st_dev) != place.dev_minor)
		return false;
	file->changed_ns = st.st_ctim.tv_sec * 1000000000ll + st.st_ctim.tv_nsec;
	return true;
}

static void take_segments(Elf *elf, struct file *file)
{
	size_t count;

	if (elf_getphdrnum(elf, &count))
		return;
	for (size_t i = 0; i < count && file->segment_count < SEGMENTS_MAX; i++) {
		GElf_Phdr header;

		if (gelf_getphdr(elf, (int)i, &header) && header.p_type == PT_LOAD)
			file->segments[file->segment_count++] =
				(struct segment){ header.p_offset, header.p_vaddr,
						  header.p_filesz };
	}
}

/* A copy; NULL: it has none. */
static char *name_of(const Elf_Data *names, const GElf_Sym *symbol)
{
	const char *name;
	size_t left, len;

	if (!names || !names->d_buf || symbol->st_name >= names->d_size)
		return NULL;
	name = (const char *)names->d_buf + symbol->st_name;
	left = names->d_size - symbol->st_name;
	len = strnlen(name, left < NAME_BYTES_MAX ? left : NAME_BYTES_MAX);
	return len && len < left ? xstrndup(name, len) : NULL;
}

static void take_functions(struct symbols *symbols, Elf *elf, Elf_Scn *section,
			   const GElf_Shdr *header, struct file *file)
{
	Elf_Data *data = elf_getdata(section, NULL);
	const Elf_Data *names = elf_getdata(elf_getscn(elf, header->sh_link), NULL);
	size_t count =
		data && header->sh_entsize ? (size_t)(header->sh_size / header->sh_entsize) : 0;

	for (size_t i = 0;
	     i < count && symbols->symbol_count < SYMBOLS_TOTAL &&
	     symbols->function_count < FUNCTIONS_TOTAL && symbols->name_bytes < NAME_BYTES_TOTAL;
	     i++) {
		GElf_Sym symbol;
		char *name;
		u8 type;

		symbols->symbol_count++;
		if (!gelf_getsym(data, (int)i, &symbol))
			break;
		type = GELF_ST_TYPE(symbol.st_info);
		if ((type != STT_FUNC && type != STT_GNU_IFUNC) || symbol.st_shndx == SHN_UNDEF)
			continue;
		name = name_of(names, &symbol);
		if (!name)
			continue;
		symbols->name_bytes += strlen(name) + 1;
		ARRAY_RESERVE(file->functions, file->capacity, file->count + 1);
		file->functions[file->count++] = (struct function){
			symbol.st_value, symbol.st_size ? symbol.st_value + symbol.st_size : 0, name
		};
		symbols->function_count++;
	}
}

static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* The whole table of symbols, or else those that other files may link to. */
static void take_symbols(struct symbols *symbols, Elf *elf, struct file *file)
{
	static const GElf_Word types[] = { SHT_SYMTAB, SHT_DYNSYM };

	for (size_t i = 0; i < ARRAY_SIZE(types) && !file->count; i++) {
		Elf_Scn *section = NULL;
		GElf_Shdr header;

		while ((section = elf_nextscn(elf, section))) {
			if (!gelf_getshdr(section, &header) || header.sh_type != types[i])
				continue;
			take_functions(symbols, elf, section, &header, file);
			break; /* a file has one of a type */
		}
	}
	if (file->count)
		qsort(file->functions, file->count, sizeof(*file->functions), by_start);
}

/*
 * A name from a trace: nothing but a regular file is opened for reading, and nothing is waited for. It is looked at
 * first, since it may name a device that does something when it is opened.
 */
static int open_regular(const char *path)
{
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
	char self[64];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISREG(st.st_mode) || (u64)st.st_size > FILE_BYTES_MAX)
		return -1;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	return open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

/* The segments are taken from the program itself: separate symbols have no contents. */
static bool take_file(struct symbols *symbols, const char *path, struct file *file)
{
	_cleanup_close_ int fd = open_regular(path);
	Elf *elf = fd < 0 ? NULL : elf_begin(fd, ELF_C_READ_MMAP, NULL);
	bool is_it = elf && elf_kind(elf) == ELF_K_ELF &&
		     (file->by_place ? has_place(fd, file) : has_id(elf, file));

	if (is_it) {
		if (!file->segment_count)
			take_segments(elf, file);
		take_symbols(symbols, elf, file);
	}
	elf_end(elf);
	return is_it;
}

static char *debug_path(const struct file *file)
{
	char hex[2 * BUILD_ID_MAX + 1] = "";

	for (size_t i = 0; i < file->id_len; i++)
		snprintf(hex + 2 * i, 3, "%02x", file->id[i]);
	return xasprintf("/usr/lib/debug/.build-id/%.2s/%s.debug", hex, hex + 2);
}

/* Separate symbols are better than the few names of a stripped file. */
static void take_debug_file(struct symbols *symbols, struct file *file)
{
	_cleanup_free_ char *path = debug_path(file);
	struct file whole = *file;

	whole.count = whole.capacity = 0;
	whole.functions = NULL;
	if (take_file(symbols, path, &whole) && whole.count > file->count) {
		struct file few = *file;

		*file = whole;
		whole = few;
	}
	functions_free(&whole);
}

static struct file *file_of(struct symbols *symbols, const struct symbols_file *asked)
{
	const struct place place = { asked->inode, asked->dev_major, asked->dev_minor };
	bool by_place = !asked->id;
	const u8 *id = by_place ? (const u8 *)&place : asked->id;
	size_t id_len = by_place ? sizeof(place) : asked->id_len;
	size_t i = hash_bytes(id, id_len) & (FILE_SLOTS - 1);
	struct file *file;

	for (; symbols->files[i]; i = (i + 1) & (FILE_SLOTS - 1))
		if (symbols->files[i]->by_place == by_place &&
		    symbols->files[i]->id_len == id_len &&
		    !memcmp(symbols->files[i]->id, id, id_len))
			return symbols->files[i];
	if (symbols->file_count == FILES_MAX)
		return NULL;
	file = xcalloc(1, sizeof(*file));
	memcpy(file->id, id, id_len);
	file->id_len = id_len;
	file->by_place = by_place;
	symbols->files[i] = file;
	symbols->file_count++;
	if (take_file(symbols, asked->path, file) && !by_place)
		take_debug_file(symbols, file);
	return file;
}

const char *symbols_name(struct symbols *symbols, const struct symbols_file *asked, u64 offset)
{
	struct file *file;
	size_t low = 0, high, i = 0;
	u64 address;

	if (*asked->path != '/' ||
	    (asked->id ? !asked->id_len || asked->id_len > BUILD_ID_MAX : !symbols->here))
		return NULL;
	file = file_of(symbols, asked);
	if (file && file->by_place && file->changed_ns > asked->mapped_ns)
		return NULL;
	for (; file && i < file->segment_count; i++)
		if (offset - file->segments[i].offset < file->segments[i].bytes)
			break;
	if (!file || i == file->segment_count || !file->count)
		return NULL;
	address = offset - file->segments[i].offset + file->segments[i].address;
	for (high = file->count; low < high;) {
		size_t middle = (low + high) / 2;

		if (file->functions[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || (file->functions[low - 1].end && address >= file->functions[low - 1].end))
		return NULL;
	return file->functions[low - 1].name;
}

#else

struct symbols *symbols_new(const char *machine_id)
{
	return NULL;
}

void symbols_free(struct symbols *symbols)
{
}

const char *symbols_name(struct symbols *symbols, const struct symbols_file *file, u64 offset)
{
	return NULL;
}

#endif
