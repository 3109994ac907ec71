# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes small traces of any form, sound or not, from FORMAT.md alone."""
import struct

import cbor2
import zstandard

from reader_records import CLOCK, COMPRESSED, END, EVENTS, HEADER, INDEX, LABEL, SORTED, STATE, SUMMARY, crc32c

PING = [1, "ping", 40, 1, [["number", 24, 4, 3, "count", ""], ["state", 28, 4, 3, "enum", ""], ["value", 32, 8, 6, "count", ""]],
        [["name", 17, ""], ["address", 20, ""], ["numbers", 22, ""]], ""]
UUID = bytes.fromhex("cafef00d0102030405060708090a0b0c")


def head(kind, payload, *, trace_id=UUID[:8], seq=0, version=1, flags=0, stream=0xFFFFFFFF, ts=(2**64 - 1, 2**64 - 1), events=0,
         kinds=0, cpus=0, pids=0, raw_len=None, mid_len=None, payload_len=None):
    mid_len = len(payload) if mid_len is None else mid_len
    data = bytearray(struct.pack(
        ">5sB B8s BQ BBBB BIBI BQBQBQ BIBQBQ BB32s BQBQ BIBIBIBIBI".replace(" ", ""), b"\xDATRCR", 0x94, 0x1B, trace_id, 0x1B, seq,
        0x18, kind, 0x18, version, 0x1A, flags, 0x1A, stream, 0x1B, ts[0], 0x1B, ts[1], 0x1B, 0, 0x1A, events, 0x1B, kinds, 0x1B,
        cpus, 0x58, 32, pids.to_bytes(32, "little"), 0x1B, 0, 0x1B, 0, 0x1A, mid_len if raw_len is None else raw_len, 0x1A, mid_len,
        0x1A, 0 if flags & COMPRESSED else crc32c(payload), 0x1A, 0, 0x5A, len(payload) if payload_len is None else payload_len))
    data[156:160] = crc32c(bytes(data)).to_bytes(4, "big")
    return bytes(data)


def compressed(data, checksum=True):
    parameters = zstandard.ZstdCompressionParameters(window_log=10, write_checksum=checksum, write_content_size=True)
    return zstandard.ZstdCompressor(compression_params=parameters).compress(data)


def item(order, index, kind, data, state=0, more=0, length=None):
    length = len(data) if length is None else length
    return struct.pack(order + "BBBBHH", index, kind, state, 0, length, more) + data + bytes(-len(data) % 8)


class Maker:
    """A trace as a list of parts: the label, then a record each."""

    def __init__(self, kinds=(PING,), big=False, uuid=UUID, header=None):
        self.order, self.uuid, self.parts, self.heads, self.event_count = "><"[not big], uuid, [LABEL], [], 0
        meta = {0: [1, 0], 1: uuid, 3: "maker", 5: {"machine": "test", "endian": int(big)}, 9: list(kinds)} | (header or {})
        self.header = cbor2.dumps(meta)
        self.record(HEADER, self.header)

    def record(self, kind, content, flags=0, payload=None, **values):
        """`payload` if it is not what follows from the content and the flags."""
        if payload is None:
            payload = compressed(content) if flags & COMPRESSED else content
        data = head(kind, payload, trace_id=self.uuid[:8], flags=flags, **({"seq": len(self.heads), "mid_len": len(content)} | values))
        self.heads.append(data)
        self.parts.append(data + payload)
        return self

    def event(self, ts, number=0, kind=1, tid=7, tgid=7, cpu=0, tail=b"", fixed=None):
        fixed = struct.pack(self.order + "IIq", number, 0, -number) if fixed is None else fixed
        length = 24 + len(fixed) + len(tail)
        return struct.pack(self.order + "QIIHHHBB", ts, tid, tgid, kind, length, cpu, 3 + len(fixed) // 8, 0) + fixed + tail

    def events(self, *records, cpu=0, flags=SORTED, content=None, **values):
        raw, pids = b"".join(records), 0
        times = [struct.unpack_from(self.order + "QII", record) for record in records]
        for *_, tgid in times:
            pids |= 1 << ((tgid * 0x9E3779B1 & 0xFFFFFFFF) >> 24)
        self.event_count += len(records)
        defaults = {"stream": 1 << 16 | cpu, "ts": (min(times)[0], max(times)[0]), "events": len(records), "kinds": 2,
                    "cpus": 1 << cpu, "pids": pids, "raw_len": len(raw)}
        return self.record(EVENTS, cbor2.dumps([raw]) if content is None else content, flags, **(defaults | values))

    def copy(self):
        return self.record(HEADER, self.header, flags=8)

    def end(self, entries=None):
        """INDEX and END; `entries` changes the list of heads."""
        at = sum(map(len, self.parts))
        listed = [data[15:] for data in self.heads]
        self.record(INDEX, cbor2.dumps([b"".join(entries(listed) if entries else listed)]))
        size = sum(map(len, self.parts)) + 197
        self.record(END, struct.pack(">4Q", at, 12, self.event_count, size))
        return self

    def data(self):
        return b"".join(self.parts)


def small(big=False):
    """A bit of everything: two streams, filtered or not aside, compressed or not, a copy of the HEADER, INDEX and END."""
    maker = Maker(big=big)
    order = maker.order
    maker.record(STATE, cbor2.dumps({0: 900, 1: []})).record(CLOCK, cbor2.dumps([[900, 900, 5000, 5000, 1]]))
    for i in range(3):
        name = item(order, 0, 17, b"name%d" % i) + item(order, 2, 22, struct.pack(order + "II", i, 70000))
        maker.events(maker.event(1000 + i, i), maker.event(1001 + i, 10 + i, tail=name))
        maker.events(maker.event(1000 + i, 20 + i, cpu=1), cpu=1, flags=SORTED | COMPRESSED)
    maker.record(SUMMARY, cbor2.dumps({0: 900, 1: 2000, 2: [True, 0, 0], 3: "command ended", 4: maker.event_count, 5: 0}))
    return maker.copy().end()
