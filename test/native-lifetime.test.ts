/**
 * Bytes of the addon in the hands of others when their memory goes: asynchronous functions of Node that have the
 * address, and other threads that the bytes were moved to. Each in a process of its own, which a mistake would end.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from './support/after-file.ts';
import { describeNative, expectScriptSucceeds, runScript } from './support/native-helpers.ts';

/** Node 20 has ArrayBuffer.prototype.transfer after a flag. */
const TRANSFER = process.versions.node.startsWith('20.') ? ['--harmony-rab-gsab-transfer'] : [];
const COLLECT = ['--expose-gc'];

const SETUP = `
  const fs = require('node:fs');
  const { Worker } = require('node:worker_threads');
  const page = addon.layout().pageSize;
  const map = (size) => { const made = addon.mapMemory(size); assert.equal(typeof made, 'object'); return made; };
  const view = (handle) => new Uint8Array(addon.viewMemory(handle));
  /** Mappings that take an address that is free, filled with ones. */
  const intruders = (size) => Array.from({ length: 8 }, () => { const { handle } = map(size); view(handle).fill(1); return handle; });
  const unharmed = (handles) => { for (const handle of handles) assert.ok(view(handle).every((byte) => byte === 1), 'memory of others was written'); };
  const settle = async () => { for (let i = 0; i < 10; i++) { gc(); await new Promise((done) => setTimeout(done, 1)); } };
  const virtual = () => Number(/VmSize:\\s+(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]) * 1024;
`;

describeNative('bytes that are in use when their memory goes', () => {
  const fifo = join(temporaryFolder(), 'fifo');
  execFileSync('mkfifo', [fifo]);

  it.each(['unmapMemory', 'protectMemory', 'moveMemory'])('fs.read ends in nobody else’s memory after %s', (end) => {
    expectScriptSucceeds(
      `${SETUP}
        const size = 16 * page;
        const file = fs.openSync(${JSON.stringify(fifo)}, 'r+');
        const { handle } = map(size);
        let ended = false;
        fs.read(file, view(handle), 0, size, null, (error, count) => {
          assert.ok(error?.code === 'EFAULT' || count === size);
          ended = true;
        });
        setTimeout(async () => {
          const target = map(size).handle;
          const last = ${JSON.stringify(end)} === 'moveMemory' ? [target, 0, 0] : [0];
          assert.equal(addon.${end}(handle, 0, size, ...last), 0);
          assert.ok(addon.readMemory(handle, 0, new Uint8Array(1)) < 0);
          await settle();
          if (${JSON.stringify(end)} === 'protectMemory') check(addon.unmapMemory(handle, 0, size));
          const others = intruders(size);
          await settle();
          fs.writeSync(file, Buffer.alloc(size, 7));
          while (!ended) await settle();
          unharmed(others);
          fs.closeSync(file);
        }, 50);
      `,
      { flags: COLLECT },
    );
  });

  it('crypto.randomFill and zlib go on while pages are unmapped under them', () => {
    expectScriptSucceeds(
      `${SETUP}
        const size = 16 << 20;
        const { randomFill } = require('node:crypto');
        const { deflate } = require('node:zlib');
        (async () => {
          for (const start of [(bytes, done) => randomFill(bytes, done), (bytes, done) => deflate(bytes, { level: 1, chunkSize: size }, done)]) {
            for (const offset of [0, size / 2]) {
              const { handle } = map(size);
              const ended = new Promise((done, failed) => start(view(handle), (error) => (error ? failed(error) : done())));
              await new Promise((done) => setTimeout(done, 2));
              assert.equal(addon.unmapMemory(handle, offset, size - offset), 0);
              const others = intruders(size / 8);
              gc();
              await ended;
              unharmed(others);
              for (const other of others) addon.unmapMemory(other, 0, size / 8);
            }
          }
        })();
      `,
      { flags: COLLECT },
    );
  });

  it.each([
    [0, 'randomFill(bytes, done)'],
    [1, 'randomFill(bytes, done)'],
    [5, 'randomFill(bytes, done)'],
    [0, 'deflate(bytes, { level: 1, chunkSize: size }, done)'],
  ])('go on while pages get the protection %i under them: %s', (protection, start) => {
    expectScriptSucceeds(
      `${SETUP}
        const size = 16 << 20;
        const { randomFill } = require('node:crypto');
        const { deflate } = require('node:zlib');
        const protections = (address) => {
          const lines = fs.readFileSync('/proc/self/maps', 'latin1').split('\\n');
          return lines.map((line) => /^([0-9a-f]+)-([0-9a-f]+) (...)/.exec(line))
            .filter((match) => match && BigInt('0x' + match[1]) < address + BigInt(size) && BigInt('0x' + match[2]) > address)
            .map((match) => match[3]);
        };
        (async () => {
          for (const [offset, length] of [[0, size], [size / 2, size / 2], [page, page], [size - page, page]]) {
            const { handle, address } = map(size);
            const bytes = view(handle);
            const ended = new Promise((done, failed) => {
              const callback = (error) => (error ? failed(error) : done());
              ((bytes, done) => ${start})(bytes, callback);
            });
            await new Promise((done) => setTimeout(done, 2));
            assert.equal(addon.protectMemory(handle, offset, length, ${protection}), 0);
            assert.equal(bytes.length, 0);
            await ended;
            // Nobody uses the address any more: the protection holds, for us, for the CPU and for the system.
            assert.equal(addon.writeMemory(handle, offset, new Uint8Array(1)), -14);
            assert.equal(addon.readMemory(handle, offset, new Uint8Array(1)), ${protection} === 0 ? -14 : 1);
            const expected = ${protection} === 0 ? '---' : ${protection} === 1 ? 'r--' : 'r-x';
            assert.ok(protections(address).includes(expected), String(protections(address)));
            if (length < size) assert.ok(protections(address).includes('rw-'), String(protections(address)));
            assert.equal(addon.viewMemory(handle), -13);
            assert.equal(addon.protectMemory(handle, 0, size, 3), 0);
            assert.equal(view(handle).length, size);
            check(addon.unmapMemory(handle, 0, size));
          }
        })();
      `,
      { flags: COLLECT },
    );
  });

  it('the protection that yielded comes back at the end of the array, too', () => {
    expectScriptSucceeds(
      `${SETUP}
        const size = 128 << 20;
        const { randomFill } = require('node:crypto');
        // The kernel joins a mapping with its neighbours where nothing tells them apart, so it need not begin at the address.
        const first = (address) => fs.readFileSync('/proc/self/maps', 'latin1').split('\\n')
          .map((line) => /^([0-9a-f]+)-([0-9a-f]+) (...)/.exec(line))
          .find((match) => match && BigInt('0x' + match[1]) <= address && BigInt('0x' + match[2]) > address)[3];
        (async () => {
          const { handle, address } = map(size);
          for (let round = 0; round < 3; round++) {
            let bytes = view(handle);
            const ended = new Promise((done) => randomFill(bytes, done));
            // Before the other thread can have ended, and perhaps before it has begun.
            check(addon.protectMemory(handle, 0, size, 1));
            await ended;
            assert.equal(first(address), 'rw-');
            // The array must not be collected before.
            assert.equal(bytes.length, 0);
            bytes = undefined;
            await settle();
            assert.equal(first(address), 'r--');
            check(addon.protectMemory(handle, 0, size, 3));
          }
        })();
      `,
      { flags: COLLECT },
    );
  });

  const INSTALL = `
    const { handle } = map(16 * page);
    view(handle);
    check(addon.protectMemory(handle, 0, 16 * page, 0));
  `;

  it.each([[[]], [['--disable-wasm-trap-handler']]])('a signal that was sent still ends the process (%j)', (flags) => {
    const script = `${SETUP}${INSTALL} process.kill(process.pid, 'SIGSEGV'); setTimeout(() => process.exit(0), 5000);`;
    const { status, signal, stderr } = runScript(script, { flags });
    // A sanitizer's handler, if that is the one before, reports and exits.
    if (stderr.includes('AddressSanitizer:DEADLYSIGNAL')) expect(status).not.toBe(0);
    else expect([status, signal]).toEqual([null, 'SIGSEGV']);
  });

  it('WebAssembly still gets the faults that are its own, also after a worker has installed the handler', () => {
    // (func (export "f") (param i32) (result i32) local.get 0 i32.load) with one page of memory
    const module = '0061736d0100000001060160017f017f030201000503010001070501016600000a0901070020002802000b';
    expectScriptSucceeds(`${SETUP}
      const { f } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from('${module}', 'hex'))).exports;
      const trapped = () => assert.throws(() => f(-8), WebAssembly.RuntimeError);
      trapped();
      const source = \`
        const addon = require(\${JSON.stringify(addonPath)});
        const page = addon.layout().pageSize;
        const { handle } = addon.mapMemory(4 * page);
        addon.viewMemory(handle);
        addon.protectMemory(handle, 0, page, 0);
      \`;
      new Worker(source, { eval: true }).on('exit', (code) => {
        assert.equal(code, 0);
        trapped();
        ${INSTALL}
        trapped();
        assert.equal(f(0), 0);
      });
    `);
  });

  it('the addresses come back when the array is collected, whoever was first', () => {
    expectScriptSucceeds(
      `${SETUP}
        const size = 64 << 20;
        (async () => {
          await settle();
          const before = virtual();
          const held = [];
          for (let round = 0; round < 200; round++) {
            const { handle } = map(size);
            const bytes = view(handle);
            check(addon.unmapMemory(handle, round % 2 ? 0 : size / 2, size / 2));
            if (round < 10) held.push(bytes);
            if (round % 3 === 0) check(addon.unmapMemory(handle, 0, size));
            if (round % 20 === 19) await settle();
          }
          await settle();
          assert.ok(virtual() - before >= held.length * size / 2, 'addresses were given away under an array');
          held.length = 0;
          await settle();
          assert.ok(virtual() - before < 4 * size, 'left over: ' + (virtual() - before) / size + ' mappings');
        })();
      `,
      { flags: COLLECT },
    );
  });

  it('pages that were unmapped under an array are gone for us, and so is what was in them', () => {
    expectScriptSucceeds(
      `${SETUP}
        const { handle } = map(4 * page);
        const bytes = view(handle).fill(5);
        check(addon.unmapMemory(handle, page, 2 * page));
        assert.equal(bytes.length, 0);
        for (let round = 0; round < 2; round++) {
          assert.equal(addon.readMemory(handle, page, new Uint8Array(1)), -14);
          assert.equal(addon.writeMemory(handle, 2 * page, new Uint8Array(1)), -14);
          assert.equal(addon.protectMemory(handle, 0, 2 * page, 3), -12);
          assert.equal(addon.discardMemory(handle, page, page), -12);
          assert.equal(addon.viewMemory(handle), -13);
          assert.equal(addon.unmapMemory(handle, page, 2 * page), 0);
        }
        const first = new Uint8Array(page);
        assert.equal(addon.readMemory(handle, 0, first), page);
        assert.ok(first.every((byte) => byte === 5));
      `,
      { flags: COLLECT },
    );
  });

  it.each(['ends', 'is terminated'])('bytes that a worker moved away stay when it %s', (how) => {
    expectScriptSucceeds(
      `${SETUP}
        const source = \`
          const { parentPort } = require('node:worker_threads');
          const addon = require(\${JSON.stringify(addonPath)});
          const page = addon.layout().pageSize;
          const device = addon.open('/dev/null');
          const prepared = addon.prepareIoctl(device, 0xC020645A, 32, 24, 24);
          const { handle } = addon.mapMemory(64 * page);
          const buffers = [addon.viewMemory(handle), prepared.arg.buffer, prepared.data.buffer];
          if (typeof buffers[0].transfer !== 'function') throw new Error('no transfer');
          const moved = buffers.map((buffer) => buffer.transfer());
          new Uint8Array(moved[0]).fill(9);
          parentPort.postMessage(moved, moved);
          \${${JSON.stringify(how)} === 'ends' ? '' : 'setInterval(() => 0, 1000);'}
        \`;
        (async () => {
          const received = [];
          for (let round = 0; round < 8; round++) {
            const worker = new Worker(source, { eval: true });
            worker.on('error', (error) => { throw error; });
            const ended = new Promise((done) => worker.on('exit', done));
            const buffers = await new Promise((done) => worker.once('message', done));
            if (${JSON.stringify(how)} !== 'ends') worker.terminate();
            await ended;
            received.push(buffers.map((buffer) => new Uint8Array(buffer)));
          }
          await settle();
          const others = intruders(64 * page);
          for (const [bytes, arg, data] of received) {
            assert.deepEqual([bytes.length, arg.length, data.length], [64 * page, 32, 24]);
            assert.ok(bytes.every((byte) => byte === 9), 'the bytes are not those of the worker any more');
            for (const each of [bytes, arg, data]) each.fill(3);
          }
          unharmed(others);
          received.length = 0;
          await settle();
        })();
      `,
      { flags: [...COLLECT, ...TRANSFER] },
    );
  });
});
