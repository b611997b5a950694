import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { putFence } from '../../backend/kfd/sdma-packets.ts';
import { PacketDwords } from '../../uapi/sdma.ts';
import { Doorbells } from './doorbells.ts';
import { SdmaQueue } from './sdma-queue.ts';

const [RING, WRITE_POINTER, READ_POINTER, FENCE] = [0n, 0x1000n, 0x1008n, 0x1010n];
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-doorbells-'));
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

it('executes what the write pointer tells once a doorbell is touched, before it is rung, and once', async () => {
  const doorbells = path.join(folder, 'kfd');
  fs.writeFileSync(doorbells, new Uint8Array(0x2000));
  const memory = Buffer.alloc(0x2000);
  const view = {
    read: (address: bigint, bytes: number) => memory.subarray(Number(address), Number(address) + bytes),
    write: (address: bigint, data: Uint8Array) => void memory.set(data, Number(address)),
    atomic: () => expect.unreachable('no packet is an atomic operation'),
  };
  const ring = new Uint32Array(memory.buffer, memory.byteOffset, 0x1000 / 4);
  putFence(ring, 0, FENCE, 7);
  const written = PacketDwords.fence * 4;
  const failures: unknown[] = [];
  const queue = new SdmaQueue(
    {
      id: 1,
      slot: 0,
      doorbell: 0x800n,
      readPointer: READ_POINTER,
      writePointer: WRITE_POINTER,
      ring: RING,
      ringBytes: 0x1000,
    },
    view,
    { trap: () => undefined, timestamp: () => 0n },
    (failure) => failures.push(failure),
  );
  let touch: () => void = () => expect.unreachable('nobody listens');
  let preparations = 0;
  const looked = new Doorbells(
    { mount: folder, hearTouches: (touched) => ((touch = touched), () => undefined) },
    () => preparations++,
    // A plain file refuses the write past the page cache that follows some time after the work.
    () => undefined,
  );
  try {
    looked.add(queue);
    memory.writeBigUInt64LE(BigInt(written), Number(WRITE_POINTER));
    // Looks go on for a while after a queue was made: a pointer alone rings nothing.
    await new Promise((settle) => setTimeout(settle, 20));
    expect(memory.readUInt32LE(Number(FENCE))).toBe(0);
    touch();
    expect(memory.readUInt32LE(Number(FENCE))).toBe(7);
    expect(memory.readBigUInt64LE(Number(READ_POINTER))).toBe(BigInt(written));

    memory.writeUInt32LE(0, Number(FENCE));
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(BigInt(written));
    const file = fs.openSync(doorbells, 'r+');
    fs.writeSync(file, word, 0, 8, 0x800);
    fs.closeSync(file);
    await new Promise((settle) => setTimeout(settle, 20));
    expect(memory.readUInt32LE(Number(FENCE))).toBe(0);
    expect(preparations).toBe(1);
    expect(failures).toEqual([]);
  } finally {
    looked.close();
  }
});
