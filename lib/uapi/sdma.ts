/** Packets of the SDMA engines 4.x (gfx9): numbers, lengths and limits (spec/kfd-queue §7). */

/** Operation codes: the lowest byte of a packet. */
export const SdmaOperation = {
  nop: 0,
  copy: 1,
  write: 2,
  fence: 5,
  trap: 6,
  pollMemory: 8,
  atomic: 10,
  fill: 11,
  timestamp: 13,
} as const;

/** Dwords of the packets; a write is followed by its data. */
export const PacketDwords = {
  copy: 7,
  broadcastCopy: 9,
  fill: 5,
  writeHeader: 4,
  fence: 4,
  trap: 2,
  pollMemory: 6,
  atomic: 8,
  timestamp: 3,
} as const;

/** The most bytes of a copy or fill: a count of 22 bits, of bytes less one. */
export const MOST_BYTES_PER_PACKET = 0x40_0000;
/** The most data dwords of a write: a count of 20 bits, of dwords less one. */
export const MOST_WRITE_DWORDS = 1 << 20;

/** `fillsize`, bits 31:30 of a fill: what its pattern is. */
export const FillSize = { byte: 0, word: 1, dword: 2 } as const;
/** `func`, bits 30:28 of a poll: how memory is compared with the reference value. */
export const PollFunction = {
  always: 0,
  less: 1,
  lessOrEqual: 2,
  equal: 3,
  notEqual: 4,
  greaterOrEqual: 5,
  greater: 6,
} as const;
