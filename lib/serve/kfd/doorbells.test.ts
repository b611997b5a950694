import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { putFence } from '../../backend/kfd/sdma-packets.ts';
import { PacketDwords } from '../../uapi/sdma.ts';
import { Doorbells } from './doorbells.ts';
import { SdmaQueue } from './sdma-queue.ts';
import { temporaryFolder } from '../../../test/support/after-file.ts';

const [RING, WRITE_POINTER, READ_POINTER, FENCE] = [0n, 0x1000n, 0x1008n, 0x1010n];
const folder = temporaryFolder();
const WRITTEN = PacketDwords.fence * 4;
beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] }));
afterEach(() => vi.useRealTimers());

/** Doorbells in a plain file, with one queue, in whose ring there is a fence of 7. */
class Scene {
  readonly path = path.join(folder, 'kfd');
  readonly memory = Buffer.alloc(0x2000);
  readonly failures: unknown[] = [];
  readonly doorbells: Doorbells;
  preparations = 0;
  touch: () => void = () => expect.unreachable('nobody listens');

  constructor() {
    const { memory } = this;
    fs.writeFileSync(this.path, new Uint8Array(0x2000));
    putFence(new Uint32Array(memory.buffer, memory.byteOffset, 0x1000 / 4), 0, FENCE, 7);
    const view = {
      read: (address: bigint, bytes: number) => memory.subarray(Number(address), Number(address) + bytes),
      write: (address: bigint, data: Uint8Array) => void memory.set(data, Number(address)),
      atomic: () => expect.unreachable('no packet is an atomic operation'),
    };
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
      (failure) => this.failures.push(failure),
    );
    this.doorbells = new Doorbells(
      { mount: folder, hearTouches: (touched) => ((this.touch = touched), () => undefined) },
      () => this.preparations++,
      // A plain file refuses the write past the page cache that follows some time after the work.
      () => undefined,
    );
    this.doorbells.add(queue);
  }

  get fence(): number {
    return this.memory.readUInt32LE(Number(FENCE));
  }

  writePointer(): void {
    this.memory.writeBigUInt64LE(BigInt(WRITTEN), Number(WRITE_POINTER));
  }

  [Symbol.dispose](): void {
    this.doorbells.close();
  }
}

it('executes what the write pointer tells once a doorbell is touched, before it is rung, and once', () => {
  using scene = new Scene();
  scene.writePointer();
  // Looks go on for a while after a queue was made: a pointer alone rings nothing.
  vi.advanceTimersByTime(20);
  expect(scene.fence).toBe(0);
  scene.touch();
  // Where a look was about to be, it is that one.
  vi.advanceTimersByTime(1);
  expect(scene.fence).toBe(7);
  expect(scene.memory.readBigUInt64LE(Number(READ_POINTER))).toBe(BigInt(WRITTEN));

  scene.memory.writeUInt32LE(0, Number(FENCE));
  const word = Buffer.alloc(8);
  word.writeBigUInt64LE(BigInt(WRITTEN));
  const file = fs.openSync(scene.path, 'r+');
  fs.writeSync(file, word, 0, 8, 0x800);
  fs.closeSync(file);
  vi.advanceTimersByTime(20);
  expect(scene.fence).toBe(0);
  expect(scene.preparations).toBe(1);
  expect(scene.failures).toEqual([]);
});

it('sees within two seconds of rest what was rung in a page that the kernel has kept, and reads no doorbell until then', () => {
  using scene = new Scene();
  vi.advanceTimersByTime(1000);
  const timers = vi.getTimerCount();
  scene.writePointer();
  fs.rmSync(scene.path);
  vi.advanceTimersByTime(999);
  expect([timers, scene.fence]).toEqual([1, 0]);
  vi.advanceTimersByTime(2000);
  expect([scene.fence, scene.preparations, scene.failures]).toEqual([7, 1, []]);
  scene.doorbells.close();
  expect(vi.getTimerCount()).toBe(0);
});
