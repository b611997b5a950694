import { markAsUntransferable } from 'node:worker_threads';
import { expect, it } from 'vitest';
import type { NativeMapping } from '../native/native.d.ts';
import { describeNative, expectScriptSucceeds } from './support/native-helpers.ts';

const READ = 1;
const WRITE = 2;
const [ENOMEM, EACCES, EFAULT, EBUSY, EFBIG] = [-12, -13, -14, -16, -27];

describeNative('mapped memory of the addon', (addon) => {
  const page = addon.layout().pageSize;

  function mapped(pages: number): NativeMapping {
    const mapping = addon.mapMemory(pages * page);
    if (typeof mapping === 'number') throw new Error(`mmap: ${mapping}`);
    return mapping;
  }
  function viewed(mapping: NativeMapping): Uint8Array {
    const view = addon.viewMemory(mapping.handle);
    if (typeof view === 'number') throw new Error(`view: ${view}`);
    return new Uint8Array(view);
  }

  it('is page aligned, zero filled and shown by one ArrayBuffer', () => {
    const mapping = mapped(3);
    expect(mapping.address % BigInt(page)).toBe(0n);
    const bytes = viewed(mapping);
    expect(bytes.length).toBe(3 * page);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(addon.viewMemory(mapping.handle)).toBe(bytes.buffer);
    addon.unmapMemory(mapping.handle, 0, 3 * page);
  });

  it('is the memory at the address: what is written through the kernel shows in the ArrayBuffer', () => {
    const mapping = mapped(2);
    const bytes = viewed(mapping);
    expect(addon.writeMemory(mapping.handle, page - 2, Uint8Array.of(1, 2, 3, 4))).toBe(4);
    expect([...bytes.subarray(page - 3, page + 3)]).toEqual([0, 1, 2, 3, 4, 0]);
    bytes[0] = 99;
    const target = new Uint8Array(2 * page);
    expect(addon.readMemory(mapping.handle, 0, target)).toBe(2 * page);
    expect(Buffer.compare(target, bytes)).toBe(0);
    addon.unmapMemory(mapping.handle, 0, 2 * page);
  });

  it('refuses EFAULT where the protection does, up to the exact byte', () => {
    const mapping = mapped(3);
    const { handle } = mapping;
    expect(addon.protectMemory(handle, page, page, 0)).toBe(0);
    expect(addon.readMemory(handle, page, new Uint8Array(1))).toBe(EFAULT);
    expect(addon.readMemory(handle, page - 10, new Uint8Array(page))).toBe(10);
    expect(addon.writeMemory(handle, page - 10, new Uint8Array(page))).toBe(10);
    expect(addon.readMemory(handle, 2 * page, new Uint8Array(page))).toBe(page);
    expect(addon.protectMemory(handle, page, page, READ)).toBe(0);
    expect(addon.readMemory(handle, page, new Uint8Array(8))).toBe(8);
    expect(addon.writeMemory(handle, page, new Uint8Array(8))).toBe(EFAULT);
    addon.unmapMemory(handle, 0, 3 * page);
  });

  it('detaches the ArrayBuffer when a page is no longer readable and writable, and shows it again later', () => {
    const mapping = mapped(2);
    for (const protection of [0, READ, WRITE, 4, READ | 4, WRITE | 4]) {
      const bytes = viewed(mapping);
      bytes[5] = protection + 1;
      expect(addon.protectMemory(mapping.handle, page, page, protection)).toBe(0);
      expect(bytes.length).toBe(0);
      expect(addon.viewMemory(mapping.handle)).toBe(EACCES);
      expect(addon.protectMemory(mapping.handle, page, page, READ | WRITE)).toBe(0);
      expect(viewed(mapping)[5]).toBe(protection + 1);
    }
    addon.unmapMemory(mapping.handle, 0, 2 * page);
  });

  it('keeps the ArrayBuffer when it stays readable and writable', () => {
    const mapping = mapped(2);
    const bytes = viewed(mapping);
    expect(addon.protectMemory(mapping.handle, 0, page, READ | WRITE)).toBe(0);
    expect(bytes.length).toBe(2 * page);
    // With execution too, where the system allows it; the view is fine either way.
    if (addon.protectMemory(mapping.handle, 0, page, 7) === 0) expect(bytes.length).toBe(2 * page);
    addon.unmapMemory(mapping.handle, 0, 2 * page);
  });

  it('reads as zero after a discard', () => {
    const mapping = mapped(3);
    const bytes = viewed(mapping).fill(0xff);
    expect(addon.discardMemory(mapping.handle, page, page)).toBe(0);
    expect(bytes[page - 1]).toBe(0xff);
    expect(bytes.subarray(page, 2 * page).every((byte) => byte === 0)).toBe(true);
    expect(bytes[2 * page]).toBe(0xff);
    addon.protectMemory(mapping.handle, 0, page, 0);
    expect(addon.discardMemory(mapping.handle, 0, page)).toBe(0);
    addon.protectMemory(mapping.handle, 0, page, READ);
    const target = new Uint8Array(page).fill(1);
    addon.readMemory(mapping.handle, 0, target);
    expect(target.every((byte) => byte === 0)).toBe(true);
    addon.unmapMemory(mapping.handle, 0, 3 * page);
  });

  it('detaches the ArrayBuffer when any page is unmapped', () => {
    for (const at of [0, page, 2 * page]) {
      const mapping = mapped(3);
      const bytes = viewed(mapping);
      expect(addon.unmapMemory(mapping.handle, at, page)).toBe(0);
      expect(bytes.length).toBe(0);
      expect(addon.viewMemory(mapping.handle)).toBe(EACCES);
      addon.unmapMemory(mapping.handle, 0, 3 * page);
    }
  });

  it('never touches a page again that was unmapped: it may be somebody else’s', () => {
    const { handle } = mapped(3);
    expect(addon.writeMemory(handle, 0, new Uint8Array(3 * page).fill(7))).toBe(3 * page);
    expect(addon.unmapMemory(handle, page, page)).toBe(0);
    // Takes the hole, most likely: the kernel fills the highest gap that fits first.
    const intruders = Array.from({ length: 8 }, () => mapped(1));
    for (const intruder of intruders) viewed(intruder).fill(1);
    expect(addon.readMemory(handle, page, new Uint8Array(1))).toBe(EFAULT);
    expect(addon.readMemory(handle, 0, new Uint8Array(3 * page))).toBe(page);
    expect(addon.writeMemory(handle, 0, new Uint8Array(3 * page))).toBe(page);
    expect(addon.writeMemory(handle, page, new Uint8Array(1))).toBe(EFAULT);
    expect(addon.protectMemory(handle, 0, 3 * page, 0)).toBe(ENOMEM);
    expect(addon.discardMemory(handle, 0, 3 * page)).toBe(ENOMEM);
    expect(addon.unmapMemory(handle, 0, 3 * page)).toBe(0);
    expect(addon.unmapMemory(handle, 0, 3 * page)).toBe(0);
    for (const intruder of intruders) {
      expect(viewed(intruder).every((byte) => byte === 1)).toBe(true);
      addon.unmapMemory(intruder.handle, 0, page);
    }
  });

  it('answers ENOMEM for more than there is, and EFBIG for a view of more than 2^32 bytes', () => {
    expect(addon.mapMemory(2 ** 52)).toBe(ENOMEM);
    const huge = addon.mapMemory(2 ** 32 + page);
    if (typeof huge === 'number') return; // a machine that doesn't overcommit
    expect(addon.viewMemory(huge.handle)).toBe(EFBIG);
    expect(addon.writeMemory(huge.handle, 2 ** 32, Uint8Array.of(5))).toBe(1);
    const target = new Uint8Array(1);
    expect(addon.readMemory(huge.handle, 2 ** 32, target)).toBe(1);
    expect(target[0]).toBe(5);
    expect(addon.unmapMemory(huge.handle, 0, 2 ** 32 + page)).toBe(0);
  });

  it('shows mappings of exactly 2^32 bytes', () => {
    const mapping = addon.mapMemory(2 ** 32);
    if (typeof mapping === 'number') return; // a machine that doesn't overcommit
    const bytes = viewed(mapping);
    bytes[2 ** 32 - 1] = 1;
    expect(addon.unmapMemory(mapping.handle, 0, 2 ** 32)).toBe(0);
    expect(bytes.length).toBe(0);
  });

  it('cannot be posted away', () => {
    const mapping = mapped(1);
    const bytes = viewed(mapping);
    bytes[0] = 1;
    const { port1, port2 } = new MessageChannel();
    const transfer = [bytes.buffer as ArrayBuffer];
    // Node 20 copies what must not be transferred, later versions throw.
    for (const send of [() => structuredClone(bytes, { transfer }), () => port1.postMessage(bytes, transfer)]) {
      try {
        send();
      } catch (error) {
        expect((error as Error).name).toBe('DataCloneError');
      }
      expect(bytes.length).toBe(page);
    }
    port1.close();
    port2.close();
    addon.unmapMemory(mapping.handle, 0, page);
  });

  it('stays as it is where a program has forbidden to detach it', () => {
    const mapping = mapped(1);
    const bytes = viewed(mapping);
    markAsUntransferable(bytes.buffer);
    // From Node 24 on the owner needs a key for it, and asking without one would end the process.
    const result = addon.protectMemory(mapping.handle, 0, page, READ);
    expect([result, bytes.length]).toEqual(result === 0 ? [0, 0] : [EBUSY, page]);
    expect(addon.unmapMemory(mapping.handle, 0, page)).toBe(result);
    expect(bytes.length).toBe(result === 0 ? 0 : page);
  });

  it('is seen as detached inside running array functions, not as a crash', () => {
    const mapping = mapped(4);
    const bytes = viewed(mapping);
    let calls = 0;
    bytes.map((byte) => (calls++ === 10 ? addon.unmapMemory(mapping.handle, 0, 4 * page) : byte));
    const other = mapped(1);
    const sorted = viewed(other);
    sorted[3] = 1;
    sorted.sort((a, b) => (addon.unmapMemory(other.handle, 0, page), a - b));
    expect(bytes.length + sorted.length).toBe(0);
  });

  it('stays mapped while bytes moved by ArrayBuffer.transfer are in use', () => {
    // ArrayBuffer.prototype.transfer: from Node 22 on, after a flag in Node 20.
    const flags = process.versions.node.startsWith('20.') ? ['--harmony-rab-gsab-transfer'] : [];
    expectScriptSucceeds(
      `
        const page = addon.layout().pageSize;
        const { handle } = addon.mapMemory(page);
        const before = addon.viewMemory(handle);
        let moved;
        try { moved = before.transfer(); } catch { process.exit(0); } // an engine that refuses is fine too
        const bytes = new Uint8Array(moved);
        assert.equal(addon.unmapMemory(handle, 0, page), -16);
        assert.equal(addon.protectMemory(handle, 0, page, 0), -16);
        assert.equal(addon.viewMemory(handle), -16);
        bytes.fill(3);
        assert.equal(bytes.length, page);
        assert.equal(addon.discardMemory(handle, 0, page), 0);
        assert.equal(bytes[0], 0);
        console.log('moved');
      `,
      { flags },
    );
    expectScriptSucceeds(
      `
        const page = addon.layout().pageSize;
        const { handle } = addon.mapMemory(page);
        (() => { let moved = addon.viewMemory(handle); if (moved.transfer) { moved = moved.transfer(); new Uint8Array(moved)[0] = 1; } })();
        let tries = 0;
        const again = () => {
          gc();
          const result = addon.unmapMemory(handle, 0, page);
          if (result === 0) return;
          assert.equal(result, -16);
          assert.ok(++tries < 100, 'the moved bytes were collected and the mapping is still in use');
          setTimeout(again, 1);
        };
        setTimeout(again, 1);
      `,
      { flags: [...flags, '--expose-gc'] },
    );
  });

  it('is released by the collector when nobody unmaps it, in every order', () => {
    expectScriptSucceeds(
      `
        const { readFileSync } = require('node:fs');
        const size = 64 << 20;
        const mappings = () => readFileSync('/proc/self/maps', 'utf8').split('\\n').length;
        const virtual = () => Number(/VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
        const settle = async () => { for (let i = 0; i < 10; i++) { gc(); await new Promise((done) => setTimeout(done, 1)); } };
        (async () => {
          await settle();
          const before = virtual();
          for (let round = 0; round < 200; round++) {
            const { handle } = addon.mapMemory(size);
            if (round % 4 === 1) addon.viewMemory(handle);
            if (round % 4 === 2) addon.viewMemory(handle).handle = handle;         // a cycle
            if (round % 4 === 3) { addon.viewMemory(handle); addon.protectMemory(handle, 0, 4096 * 16, 0); }
            if (round % 20 === 19) await settle();
          }
          await settle();
          assert.ok(virtual() - before < 4 * size, 'left over: ' + (virtual() - before) / size + ' mappings');

          // The bytes outlive the handle, and the handle outlives the bytes.
          const bytes = (() => new Uint8Array(addon.viewMemory(addon.mapMemory(size).handle)))();
          const { handle } = addon.mapMemory(size);
          (() => { new Uint8Array(addon.viewMemory(handle))[0] = 77; })();
          await settle();
          bytes.fill(1, 0, 4096);
          assert.equal(new Uint8Array(addon.viewMemory(handle))[0], 77);
          assert.equal(addon.unmapMemory(handle, 0, size), 0);
        })();
      `,
      { flags: ['--expose-gc'] },
    );
  });

  it('does not break when the handle is tampered with', () => {
    expectScriptSucceeds(
      `
        const page = addon.layout().pageSize;
        const { handle } = addon.mapMemory(page);
        addon.viewMemory(handle);
        delete handle.view;
        gc();
        const result = addon.unmapMemory(handle, 0, page);   // its finalizer may not have run yet
        assert.ok(result === 0 || result === -16);
        const other = Object.freeze(addon.mapMemory(page).handle);
        let view;
        try { view = addon.viewMemory(other); } catch (error) { assert.ok(error instanceof TypeError); }
        gc();
        setTimeout(() => { gc(); addon.viewMemory(handle); addon.unmapMemory(other, 0, page); }, 5);
      `,
      { flags: ['--expose-gc'] },
    );
  });
});
