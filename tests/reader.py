#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A second reader of .trc files, written from FORMAT.md alone: it shares no line and no author's habit with analyze.

    reader.py FILE…           every event as JSON, as `analyze export --format jsonl` prints it
    reader.py --info FILE…    an object per section: who recorded what, and counts
    reader.py --check FILE…   as without, and holds the heads to what they promise about their chunks

Damage and an END that is missing are said on stderr, a line each; the exit code is then 3. The section numbers below are those of FORMAT.md.
"""
import argparse
import json
import struct
import sys

from reader_records import (CONTENT_LIMIT, Damage, END, END_BYTES, EVENTS, HEAD_BYTES, HEADER, Head, INDEX, LABEL, M64, MIB, PREFIX_BYTES,
                            Refused, Schema, TAG, content, good_head, need, promises, text, unpacked)

START_BYTES, SECTIONS = 512 * MIB, 1024


# 10 INDEX and END, 12 Reading

class Section:
    def __init__(self, start):
        self.start, self.trace_id, self.next_seq, self.seen, self.closed = start, None, 0, set(), False
        self.records = []  # (offset, head)

    def ended(self):
        return any(head.type == END for _, head in self.records)


class Index:
    """An END that ends at `end`, and the INDEX in front of it."""

    def __init__(self, data, end):
        need(end >= 12 + END_BYTES, "no END")
        self.end_at = end - END_BYTES
        self.last = Head(data[self.end_at:self.end_at + HEAD_BYTES])
        need(self.last.type == END and self.last.payload_len == 32, "no END")
        index_offset, _, self.events, size = struct.unpack(">4Q", content(self.last, data[end - 32:end]))
        need(0 < index_offset <= size - END_BYTES and size - index_offset <= end, "no INDEX")
        self.start, self.at = end - size + len(LABEL), end - size + index_offset
        self.index = Head(data[self.at:self.at + HEAD_BYTES])
        need(self.index.type == INDEX and self.index.data[:PREFIX_BYTES] == self.last.data[:PREFIX_BYTES], "no INDEX")
        need(self.at + HEAD_BYTES + self.index.payload_len == self.end_at and self.index.seq == self.last.seq - 1, "no INDEX")
        listed = content(self.index, data[self.at + HEAD_BYTES:self.end_at])
        need(isinstance(listed, list) and listed and isinstance(listed[0], bytes) and len(listed[0]) == 150 * self.index.seq,
             "INDEX of another length")
        self.entries = listed[0]

    def entry(self, i):
        head = Head(self.last.data[:PREFIX_BYTES] + self.entries[i * 150:i * 150 + 150])
        need(head.seq == i, "INDEX is out of order")
        need(head.payload_len <= 64 * MIB, "INDEX has a record that cannot be")
        return head

    def tail(self):
        return [(self.at, self.index), (self.end_at, self.last)]

    def whole(self, data):
        """The records of the section, if everything fits."""
        need(self.start >= len(LABEL) and data.startswith(LABEL, self.start - len(LABEL)), "no label")
        records, offset = [], self.start
        for i in range(self.index.seq):
            records.append((offset, self.entry(i)))
            offset += HEAD_BYTES + records[-1][1].payload_len
        need(offset == self.at and records and records[0][1].type == HEADER, "INDEX does not fit")
        need(sum(head.event_count for _, head in records if head.type == EVENTS) == self.events, "INDEX does not add up")
        return records + self.tail()

    def trusted(self, data, start):
        """The last records, as far back as it is certain where they are."""
        records, good, offset = [], [], self.at
        try:
            for i in reversed(range(self.index.seq)):
                head = self.entry(i)
                offset -= HEAD_BYTES + head.payload_len
                need(offset >= start, "before the section")
                records.insert(0, (offset, head))
                if data[offset:offset + HEAD_BYTES] == head.data or (i == 0 and offset == start):
                    good = list(records)
        except Damage:
            pass
        return good and good + self.tail()


class File:
    def __init__(self, path):
        self.path, self.damage, self.notes, self.unknown = path, {}, [], []  # damage: (offset, text)
        with open(path, "rb") as file:
            self.data = file.read()
        indexed, end = [], len(self.data)
        try:
            while end and len(indexed) < SECTIONS:
                index = Index(self.data, end)
                section = Section(index.start)
                section.records = index.whole(self.data)
                section.trace_id, end = index.last.trace_id, index.start - len(LABEL)
                indexed.insert(0, section)
        except Damage:
            pass
        self.sections = (self.walk(end, SECTIONS - len(indexed)) if end or not indexed else []) + indexed
        for section in self.sections:
            if not section.ended():
                self.notes.append(f"{path}: the section at {section.start} has no END")

    def damaged(self, offset, what, head=None):
        concerned = f"; {head.event_count} events, {head.ts_min} to {head.ts_max} ns" if head and head.event_count else ""
        self.damage[offset, f"{self.path}: at {offset}: {what}{concerned}"] = None

    def forget(self, begin, seq, section):
        """Takes back what was found from an offset and from a seq on."""
        section.records = [(at, head) for at, head in section.records if at < begin and head.seq < seq]
        self.damage = {key: None for key in self.damage if key[0] <= begin}

    def payload(self, offset, head):
        return self.data[offset + HEAD_BYTES:offset + HEAD_BYTES + head.payload_len]

    def content(self, offset, head):
        if self.data[offset:offset + HEAD_BYTES] != head.data:
            self.damaged(offset, "the head is not the one in INDEX")
        return content(head, self.payload(offset, head))

    def walk(self, end, limit):
        """The sections before `end`, from head to head."""
        sections, last, at = [], None, 0
        if not self.data.startswith(LABEL):
            at = self.search(None, None, 0, min(end, START_BYTES))
            if at == end == len(self.data):
                raise Refused("not a trace")
            self.damaged(0, f"no label; the first record is at {at}")
        while at < end:
            if len(sections) > limit:
                self.damaged(at, "more sections than is credible")
                break
            if self.data.startswith(LABEL, at, end):
                last, at = None, at + len(LABEL)
                sections.append(Section(at))
                continue
            head, section = good_head(self.data, at, end), sections[-1] if sections else None
            fit = head and fits(section, last, head)
            if not fit:
                at, last = self.resynchronise(section, last, at, end), None
                continue
            if fit == "other":
                self.damaged(at, "the label is missing")
                section, last = Section(at), None
                sections.append(section)
            section.trace_id = head.trace_id
            if last:
                section.seen.add(last[1].seq)
            last, begin, at = None, at, at + HEAD_BYTES + head.payload_len
            if at > end:
                self.damaged(begin, "the record reaches beyond the end", head)
                at = self.search(section, None, begin + HEAD_BYTES, end)
            elif fit == "again":
                self.damaged(begin, "this record came before")
            else:
                if head.seq != section.next_seq:
                    self.damaged(begin, "records are missing before this one")
                section.records.append((begin, head))
                section.next_seq, last = head.seq + 1, (begin, head)
                if head.type == END:
                    section.closed = True
                    self.join(section, at)
        return sections

    def join(self, section, end):
        """What the walk did not find and the INDEX before this END has."""
        try:
            index = Index(self.data, end)
            records = index.last.trace_id == section.trace_id and index.trusted(self.data, section.start)
        except Damage:
            return
        if records:
            begin, first = records[0][0], records[0][1].seq
            self.forget(begin, first, section)
            if first != (section.records[-1][1].seq + 1 if section.records else 0):
                self.damaged(begin, "records are missing before this one")
            section.records += records

    def resynchronise(self, section, last, at, end):
        """Where the next record begins, as there is none at `at`."""
        begin = at
        if last:
            try:
                unpacked(last[1], self.payload(*last))
                section.seen.add(last[1].seq)
            except Damage:
                begin = last[0] + HEAD_BYTES
        found = self.search(section, None, begin, end)
        if found < at:
            self.forget(last[0], M64 + 1, section)
            section.next_seq = last[1].seq
            self.damaged(last[0], "the record is cut", last[1])
        else:
            self.damaged(at, f"no record; the next one is at {found}")
        return found

    def search(self, section, last, begin, end):
        """The next head that fits, or the label before it; the end if there is none."""
        at = begin
        while (at := self.data.find(TAG, at, end)) >= 0:
            if head := good_head(self.data, at, end):
                if at - len(LABEL) >= begin and self.data.startswith(LABEL, at - len(LABEL)):
                    return at - len(LABEL)
                if fits(section, last, head) in ("next", "other"):
                    return at
            at += 1
        return end

    def schemas(self):
        """The HEADER of each section: if it is damaged, a copy of it, also one in another section of the trace; or None."""
        own = []
        for section in self.sections:
            own.append(None)
            for offset, head in section.records:
                if head.type == HEADER and not own[-1]:
                    try:
                        own[-1] = Schema(self.content(offset, head))
                    except Damage as error:
                        self.damaged(offset, f"HEADER: {error}")
                    except Refused as error:
                        own[-1] = error
        found = next(filter(None, own), Refused("no HEADER that can be read"))
        if isinstance(found, Refused):
            raise found
        by_id = {}
        for section, schema in zip(self.sections, own):
            if isinstance(schema, Schema):
                by_id.setdefault(section.trace_id, schema)
        return [schema or by_id.get(section.trace_id) for section, schema in zip(self.sections, own)]

    def events(self, section, schema, check=False):
        """The events of a section, each behind its sort key."""
        floors, found = {}, []
        for offset, head in section.records:
            known_form = head.version == 1 and not head.flags >> 16
            if known_form and head.type not in CONTENT_LIMIT:
                if head.type < 64:
                    self.unknown.append(f"{self.path}: at {offset}: records of type {head.type} are not known")
                continue
            if known_form and (head.type == HEADER and schema or head.type == EVENTS and not head.event_count):
                continue
            try:
                need(isinstance(schema, Schema) or head.type != EVENTS, "no HEADER that can be read")
                item = self.content(offset, head)
                events = schema.events(head, item) if head.type == EVENTS else []
                found += [((event["ts"], head.stream, offset), event) for event in events]
                if check and events:
                    promises(schema, head, events, floors)
            except Damage as error:
                self.damaged(offset, str(error), head)
        return found

    def info(self, section, schema, events):
        header = schema.header if isinstance(schema, Schema) else {}
        host, machine, recording = header.get(6, {}), header.get(5, {}), header.get(13, {})
        chunks = [head for _, head in section.records if head.type == EVENTS]
        lost = {head.stream: head.lost_kernel + head.lost_user for head in chunks}
        return {"host": text(host.get("hostname")), "kernel": text(host.get("release")), "arch": text(machine.get("machine")),
                "command": [text(word) for word in recording.get("argv", [])], "version": header.get(0),
                "uuid": header and schema.uuid.hex(), "records": len(section.records), "chunks": len(chunks),
                "events": len(events), "lost": sum(lost.values()), "end": section.ended()}


def fits(section, last, head):
    """What a good head is to a section in which `last` is the record before it."""
    if not section:
        return "other"
    if section.trace_id in (None, head.trace_id):
        return "again" if head.seq in section.seen or (last and last[1].seq == head.seq) else "next"
    return "other" if section.closed or (head.type == HEADER and head.seq == 0) else None


def read(path, check=False):
    """(events in order, an object per section, what there is to complain of, what was passed over)"""
    file = File(path)
    schemas = file.schemas()
    found = [file.events(*pair, check) for pair in zip(file.sections, schemas)]
    merged = sorted((pair for events in found for pair in events), key=lambda pair: pair[0])
    infos = [file.info(*triple) for triple in zip(file.sections, schemas, found)]
    return [event for _, event in merged], infos, [what for _, what in file.damage] + file.notes, file.unknown


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--info", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("file", nargs="+")
    args = parser.parse_args()
    code = 0
    for path in args.file:
        try:
            events, infos, problems, unknown = read(path, args.check)
            for line in infos if args.info else events:
                print(json.dumps(line, separators=(",", ":")))
        except (Refused, OSError) as error:
            problems, unknown = [f"{path}: {error}"], []
        for line in problems + unknown:
            print(line, file=sys.stderr)
        code = 3 if problems else code
    return code


if __name__ == "__main__":
    sys.exit(main())
