/**
 * Calls the exported functions of the addon with arguments of every kind, valid
 * and absurd, and ends with code 0 if the process and its memory survived:
 *
 *   node --expose-gc fuzz.cjs ADDON SEED CALLS
 *
 * Meanwhile functions of Node work on mapped bytes on other threads, and workers that move
 * their bytes here come and go. The same seed makes the same calls of this thread. Only requests of type 'd' (DRM) and a few
 * harmless ones are issued, on files that know none of them: a random number might
 * be an ioctl that freezes a file system.
 */
'use strict';
const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { randomFill } = require('node:crypto');
const { Worker } = require('node:worker_threads');
const { addonPath, seed, calls } = {
  addonPath: process.argv[2],
  seed: Number(process.argv[3]),
  calls: Number(process.argv[4]),
};
const addon = require(addonPath);
const page = addon.layout().pageSize;

// Half of the calls throw, and nobody reads where.
Error.stackTraceLimit = 0;

/** mulberry32. */
let state = seed >>> 0;
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
}
const below = (limit) => Math.floor(random() * limit);
const pick = (list) => list[below(list.length)];
const chance = (probability) => random() < probability;

class Hostile extends Error {}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-fuzz-'));
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
fs.writeFileSync(path.join(folder, 'file'), 'contents');
const FILES = ['/dev/null', '/dev/zero', path.join(folder, 'file')];

const devices = [];
const mappings = [];
const prepared = [];
/** Keeps at most `most` elements; those that fall out are the collector's. */
function keep(list, element, most) {
  if (list.length < most) list.push(element);
  else list[below(most)] = element;
}

function detached() {
  const bytes = new Uint8Array(64);
  structuredClone(bytes, { transfer: [bytes.buffer] });
  return bytes;
}

function shrunk() {
  const buffer = new ArrayBuffer(128, { maxByteLength: 4096 });
  const bytes = chance(0.5) ? new Uint8Array(buffer) : new Uint8Array(buffer, 64, 64);
  buffer.resize(below(4096));
  return bytes;
}

function viewBytes() {
  if (mappings.length === 0) return new Uint8Array(8);
  const view = addon.viewMemory(pick(mappings).handle);
  return typeof view === 'number' ? new Uint8Array(8) : new Uint8Array(view);
}

const goodBytes = () =>
  pick([
    () => new Uint8Array(1 + below(200)),
    () => new Uint8Array(32),
    () => new Uint8Array(64),
    () => Buffer.alloc(1 + below(9000)),
    () => new Uint8Array(300).subarray(below(100), 150 + below(100)),
    shrunk,
    viewBytes,
    () => (prepared.length === 0 ? new Uint8Array(9) : pick(prepared).arg),
  ])();

const WEIRD = [
  () => undefined,
  () => null,
  () => true,
  () => below(100),
  () => -below(100),
  () => random() * 1e18,
  () => NaN,
  () => Infinity,
  () => -0,
  () => 2 ** (20 + below(50)),
  () => 2 ** 53 - below(3),
  () => 10n ** 30n,
  () => 'x'.repeat(below(6000)),
  () => '\ud800\0',
  () => Symbol('s'),
  () => ({}),
  () => [],
  () => new Array(below(100)),
  () => new Array(2 ** 32 - 1),
  () => () => 0,
  () => new Date(),
  () => new Proxy(new Uint8Array(64), {}),
  () =>
    new Proxy([], {
      get: () => {
        throw new Hostile('trap');
      },
    }),
  () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
  () => ({
    valueOf: () => {
      throw new Hostile('valueOf');
    },
    toString: () => {
      throw new Hostile('toString');
    },
  }),
  detached,
  shrunk,
  () => new Uint8Array(0),
  () => new Uint8Array(new SharedArrayBuffer(64)),
  () => new DataView(new ArrayBuffer(64)),
  () => new ArrayBuffer(64),
  () => new SharedArrayBuffer(64),
  () => new Float64Array(8),
  () => new BigUint64Array(8),
  () => addon,
  () => globalThis,
  () => pick(devices),
  () => pick(mappings)?.handle,
  () => (devices.length === 0 ? 0 : Object.create(pick(devices))),
  () => (mappings.length === 0 ? 0 : new Proxy(pick(mappings).handle, {})),
  () => pick(prepared)?.ioctl,
  () => pick(ioctls),
  () => (prepared.length === 0 ? 0 : Object.create(pick(prepared).ioctl)),
  () => process.binding,
];
const weird = () => pick(WEIRD)();
const or = (good) => (chance(0.85) ? good() : weird());

const device = () => or(() => pick(devices));
const mapping = () => pick(mappings);
const request = () =>
  or(() =>
    pick([
      () => 0xc0406400,
      () => 0xc020645a,
      () => 0x541b, // FIONREAD
      () => ((below(4) << 30) | (below(200) << 16) | 0x6400 | below(256)) >>> 0,
    ])(),
  );
const pageMultiple = (limit) => or(() => below(limit + 2) * page);
const anyOffset = (limit) => or(() => below(limit + 10));

function pointer() {
  const data = or(goodBytes);
  const offset = or(() => below(64));
  if (chance(0.8)) return { offset, data };
  const victims = [data, goodBytes()];
  return {
    get offset() {
      if (chance(0.2)) throw new Hostile('offset');
      if (chance(0.3) && devices.length > 1) addon.close(pick(devices));
      if (chance(0.2)) addon.open('/dev/null').ioctl(0xc0406400, new Uint8Array(64));
      return offset;
    },
    get data() {
      for (const victim of victims) {
        try {
          if (chance(0.3)) structuredClone(0, { transfer: [victim.buffer] });
        } catch {
          // Some can't be transferred.
        }
      }
      if (chance(0.2)) gc();
      return data;
    },
  };
}
const pointers = () => or(() => (chance(0.4) ? undefined : Array.from({ length: below(4) }, () => or(pointer))));

/** One call each: the arguments it makes are mostly of the right kind. */
const CALLS = {
  open: () => [or(() => pick(FILES))],
  // There may be no device yet.
  adopt: () => [or(() => (chance(0.5) && devices.length > 0 ? addon.descriptor(pick(devices)) : below(400)))],
  descriptor: () => [device()],
  close: () => [chance(0.3) ? device() : weird()],
  ioctlAsync: () => [device(), request(), or(goodBytes), pointers()],
  prepareIoctl: () => [
    device(),
    request(),
    or(() => 1 + below(300)),
    or(() => (chance(0.3) ? undefined : below(64))),
    or(() => below(5000)),
  ],
  driverVersion: () => [device()],
  // The file has two pages: most mappings of it are refused. Nobody shortens it.
  mapMemory: () => [
    or(() => (1 + below(32)) * page),
    or(() => (chance(0.7) ? undefined : page * 2 ** below(12))),
    or(() => (chance(0.5) ? undefined : BigInt(below(2 ** 30)) * BigInt(page))),
    or(() => (chance(0.3) ? undefined : below(17))),
    or(() => (chance(0.8) ? undefined : file0)),
    or(() => below(3) * page),
  ],
  viewMemory: () => [or(() => mapping()?.handle)],
  unmapMemory: () => [or(() => mapping()?.handle), pageMultiple(32), pageMultiple(8)],
  protectMemory: () => [or(() => mapping()?.handle), pageMultiple(32), pageMultiple(8), or(() => below(9))],
  discardMemory: () => [or(() => mapping()?.handle), pageMultiple(32), pageMultiple(8)],
  lockMemory: () => [or(() => mapping()?.handle), pageMultiple(32), pageMultiple(8), or(() => below(3))],
  moveMemory: () => [
    or(() => mapping()?.handle),
    pageMultiple(32),
    pageMultiple(8),
    or(() => mapping()?.handle),
    pageMultiple(32),
    or(() => below(3)),
  ],
  readMemory: () => [or(() => mapping()?.handle), anyOffset(32 * page), or(goodBytes)],
  writeMemory: () => [or(() => mapping()?.handle), anyOffset(32 * page), or(goodBytes)],
  layout: () => [],
  // None of the files is KFD, so there is no handle of one: each must be refused, whatever is in its place.
  kfdOpen: () => [or(() => pick(FILES))],
  kfdAcquire: () => [weird(), device(), below(9)],
  kfdSetXnack: () => [weird(), below(3)],
  kfdClose: () => [weird()],
  kfdCreateQueue: () => [weird(), below(3) * page, below(3) * page],
  kfdFetched: () => [weird()],
  kfdFenced: () => [weird()],
  kfdSubmit: () => [weird(), below(100) * 4],
  kfdWait: () => [weird(), below(100), below(200)],
  kfdEvent: () => [weird()],
  kfdCloseQueue: () => [weird()],
};
assert.deepEqual(Object.keys(CALLS).toSorted(), Object.keys(addon).toSorted(), 'every exported function is called');
/** `ioctl` is a member of each device: the functions are kept too, also without their devices. */
const ioctls = [];
CALLS.ioctl = () => [request(), or(goodBytes), pointers()];
const NAMES = Object.keys(CALLS);

const ALLOWED = new Set(['ERR_SVM_INVALID_TYPE', 'ERR_SVM_OUT_OF_RANGE']);
const counts = { answered: 0, refused: 0, errno: 0 };

function call(name) {
  let args = CALLS[name]();
  if (chance(0.05)) args = args.slice(0, below(args.length + 1));
  if (chance(0.05)) args.push(weird(), weird(), weird());
  const callee = name === 'ioctl' ? pick(ioctls) : addon[name];
  if (callee === undefined) return;
  if (name === 'ioctl' || name === 'ioctlAsync') {
    // A device of ours, but a number that is somebody's: keep to requests that do nothing.
    const at = name === 'ioctl' ? 0 : 1;
    const number = args[at];
    if (typeof number === 'number' && number !== 0x541b && ((number >>> 8) & 0xff) !== 0x64) args[at] = 0xc0406400;
  } else if (name === 'prepareIoctl' && typeof args[1] === 'number' && ((args[1] >>> 8) & 0xff) !== 0x64)
    args[1] = 0xc020645a;
  try {
    const how = random();
    // As a constructor it gives an empty object where the answer is a number.
    if (how < 0.02) return void Reflect.construct(callee, args);
    const result = how < 0.04 ? Reflect.apply(callee, weird(), args) : callee(...args);
    if (typeof result === 'number' && result < 0) counts.errno++;
    else counts.answered++;
    use(name, result);
  } catch (error) {
    counts.refused++;
    // What a hostile argument throws itself comes through; all else is ours.
    if (error instanceof Hostile || (error instanceof TypeError && /proxy/i.test(error.message))) return;
    if (ALLOWED.has(error?.code)) return;
    throw error;
  }
}

function use(name, result) {
  if (typeof result !== 'object' || result === null) return;
  if (name === 'open' || name === 'adopt') {
    keep(devices, result, 8);
    keep(ioctls, result.ioctl, 8);
  } else if (name === 'mapMemory') {
    const view = addon.viewMemory(result.handle);
    // Terabytes can be mapped, but copying them would be the whole test.
    if (typeof view === 'object' && view.byteLength <= 1 << 20) keep(mappings, result, 12);
  } else if (name === 'prepareIoctl') keep(prepared, result, 8);
  else if (name === 'ioctlAsync') result.then((value) => assert.equal(typeof value, 'number'));
}

/** What a program does with what the addon gave it. */
function live() {
  const bytes = viewBytes();
  if (bytes.length > 0) bytes[below(bytes.length)] = below(256);
  const one = pick(prepared);
  if (one !== undefined) {
    one.arg.fill(below(256), 0, below(100));
    assert.equal(typeof one.ioctl.call(weird(), weird()), 'number');
    if (chance(0.05)) structuredClone(0, { transfer: tryTransfer(one.arg.buffer) });
  }
  if (chance(0.02) && bytes.length > 0 && typeof bytes.buffer.transfer === 'function' && mappings.length > 0) {
    const moved = new Uint8Array(bytes.buffer.transfer());
    moved[below(moved.length)] = 1;
  }
}

const folder0 = fs.mkdtempSync(path.join(os.tmpdir(), 'amdgpu-svm-fuzz-'));
const file0 = fs.openSync(path.join(folder0, 'pages'), 'w+');
fs.ftruncateSync(file0, 2 * page);
fs.rmSync(folder0, { recursive: true });
const random0 = fs.openSync('/dev/urandom', 'r');
const sink = fs.openSync('/dev/null', 'w');
const counted = { background: 0, workers: 0, received: 0 };
let underWay = 0;

/** Somebody else's thread works on mapped bytes, and whatever comes next comes meanwhile. */
function background() {
  const target = mapping();
  const view = target === undefined ? 0 : addon.viewMemory(target.handle);
  if (typeof view === 'number' || underWay > 12) return;
  const from = below(view.byteLength);
  const bytes = new Uint8Array(view, from, 1 + below(view.byteLength - from));
  underWay++;
  counted.background++;
  const ended = () => void underWay--;
  const how = below(3);
  if (how === 0) fs.read(random0, bytes, 0, bytes.length, null, ended);
  else if (how === 1) fs.write(sink, bytes, 0, bytes.length, null, ended);
  else randomFill(bytes, ended);
}

/** Mappings that nobody but the fuzz itself writes: they come to lie where others have gone. */
const owned = [];
function own() {
  const pages = 1 + below(8);
  const made = addon.mapMemory(pages * page);
  const bytes = new Uint8Array(addon.viewMemory(made.handle));
  const value = 1 + below(255);
  bytes.fill(value);
  const at = below(32);
  if (owned[at] !== undefined) {
    assertOwned(owned[at]);
    if (chance(0.5)) addon.unmapMemory(owned[at].handle, 0, owned[at].bytes.length);
  }
  owned[at] = { handle: made.handle, bytes, value };
}
function assertOwned({ bytes, value }) {
  assert.ok(
    bytes.every((byte) => byte === value),
    'mapped memory of others was written',
  );
}

/** A worker that moves its bytes to us, leaves others in the hands of the thread pool, and goes. */
const WORKER = `
  const { parentPort, workerData } = require('node:worker_threads');
  const fs = require('node:fs');
  const { randomFill } = require('node:crypto');
  const addon = require(workerData.addonPath);
  const page = addon.layout().pageSize;
  const device = addon.open('/dev/null');
  const source = fs.openSync('/dev/urandom', 'r');
  const kept = [];
  for (let round = 0; round < 12; round++) {
    const { handle } = addon.mapMemory((1 + round) * page);
    const view = addon.viewMemory(handle);
    const prepared = addon.prepareIoctl(device, 0xc020645a, 32, 24, 24);
    if (typeof view.transfer === 'function' && round % 3 !== 0) {
      const moved = [view.transfer(), prepared.arg.buffer.transfer(), prepared.data.buffer.transfer()];
      for (const buffer of moved) new Uint8Array(buffer).fill(round + 1);
      parentPort.postMessage(moved, round % 2 === 0 ? moved : []);
      if (addon.unmapMemory(handle, 0, page) !== (-16)) throw new Error('moved bytes were unmapped');
    } else {
      const bytes = new Uint8Array(view);
      if (round % 2 === 0) fs.read(source, bytes, 0, bytes.length, null, () => 0);
      else randomFill(bytes, () => 0);
      if (round % 4 < 2) addon.unmapMemory(handle, 0, (1 + round % 3) * page);
      addon.ioctlAsync(device, 0xc020645a, prepared.arg, [{ offset: 24, data: prepared.data }]);
    }
    if (round % 2) kept.push(handle, prepared);
  }
  fs.closeSync(source);
  parentPort.postMessage('done');
  if (workerData.stays) setInterval(() => kept, 1000);
`;
const received = [];
const workersRunning = new Set();
function work() {
  const stays = chance(0.5);
  const worker = new Worker(WORKER, { eval: true, workerData: { addonPath, stays } });
  workersRunning.add(worker);
  counted.workers++;
  const patience = below(60);
  worker.on('message', (message) => {
    if (message === 'done') {
      if (stays) worker.terminate();
      return;
    }
    for (const buffer of message) {
      const bytes = new Uint8Array(buffer);
      const value = bytes[0];
      assert.ok(value > 0 && bytes.every((byte) => byte === value), 'moved bytes are not those of the worker');
      counted.received++;
      keep(received, { bytes, value }, 64);
    }
  });
  worker.on('error', (error) => {
    throw error;
  });
  worker.on('exit', () => workersRunning.delete(worker));
  if (chance(0.3)) setTimeout(() => worker.terminate(), patience);
}

function tryTransfer(buffer) {
  try {
    structuredClone(0, { transfer: [buffer] });
  } catch {
    // Can't be transferred.
  }
  return [];
}

async function main() {
  const canaries = Array.from({ length: 500 }, (_, index) => new Uint8Array(16 + (index % 200)).fill(index));
  const descriptors = () => fs.readdirSync('/proc/self/fd').length;
  const before = descriptors();
  for (let index = 0; index < calls; index++) {
    call(pick(NAMES));
    if (index % 8 === 0) live();
    if (index % 16 === 0) background();
    if (index % 20 === 0) own();
    if (index % 2000 === 0 && workersRunning.size < 4) work();
    if (index % 500 === 0) await new Promise(setImmediate);
    if (index % 4000 === 0) gc();
  }
  while (underWay > 0 || workersRunning.size > 0) await new Promise((done) => setTimeout(done, 5));
  for (const one of owned) if (one !== undefined) assertOwned(one);
  for (const one of received) assertOwned(one);
  owned.length = received.length = 0;
  for (const one of devices) addon.close(one);
  devices.length = ioctls.length = mappings.length = prepared.length = 0;
  for (let tries = 0; descriptors() > before && tries < 200; tries++) {
    gc();
    await new Promise((done) => setTimeout(done, 5));
  }
  assert.ok(descriptors() <= before, `${descriptors() - before} descriptors were left open`);
  assert.ok(
    canaries.every((bytes, index) => bytes.every((byte) => byte === index % 256)),
    'memory of others was written',
  );
  // Each kind of end must have come up, or the calls were no test.
  assert.ok(
    Object.values(counts).every((count) => count > calls / 50) && counted.background > calls / 100,
    JSON.stringify({ ...counts, ...counted }),
  );
  process.stdout.write(JSON.stringify({ seed, calls, ...counts, ...counted }));
}

main().catch((error) => {
  process.stderr.write(`seed ${seed}: ${error?.stack ?? String(error)}\n`);
  process.exitCode = 1;
});
