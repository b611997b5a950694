/**
 * A bit of everything the addon does, ending with everything let go: what a leak
 * checker still finds at the end of the process is a leak.
 *
 *   node --expose-gc mixed.cjs ADDON
 */
'use strict';
const assert = require('node:assert/strict');
const { Worker, isMainThread, workerData } = require('node:worker_threads');

const addonPath = isMainThread ? process.argv[2] : workerData;
const addon = require(addonPath);
const page = addon.layout().pageSize;
const VERSION = 0xc0406400;

async function round(index) {
  const device = addon.open('/dev/null');
  assert.ok(addon.open('/nonexistent') < 0);
  assert.equal(device.ioctl(VERSION, new Uint8Array(64)), -25);
  assert.equal(device.ioctl(VERSION, new Uint8Array(9000), [{ offset: 24, data: new Uint8Array(5000) }]), -25);
  assert.throws(() => device.ioctl(VERSION, new Uint8Array(3)));
  assert.throws(() => device.ioctl(VERSION, new Uint8Array(64), [{ offset: 24, data: 'x' }]));
  const pending = [0, 1, 2].map(() =>
    addon.ioctlAsync(device, VERSION, new Uint8Array(64), [{ offset: 8, data: new Uint8Array(10) }]),
  );
  const prepared = addon.prepareIoctl(device, VERSION, 64, 24, 100);
  prepared.arg.fill(1);
  assert.equal(prepared.ioctl(), -25);
  assert.equal(addon.driverVersion(device), -25);
  const { handle } = addon.mapMemory(8 * page);
  new Uint8Array(addon.viewMemory(handle)).fill(index);
  addon.protectMemory(handle, page, 2 * page, index % 8);
  addon.discardMemory(handle, 0, page);
  addon.unmapMemory(handle, 4 * page, page);
  addon.readMemory(handle, 0, new Uint8Array(3 * page));
  addon.writeMemory(handle, 0, new Uint8Array(10));
  assert.equal(addon.kfdOpen('/dev/null').errno, -25);
  if (index % 2 === 0) addon.close(device);
  assert.deepEqual(await Promise.all(pending), [-25, -25, -25]);
}

async function main() {
  for (let index = 0; index < 300; index++) {
    await round(index);
    if (index % 50 === 0) gc();
  }
  gc();
}

// Two workers end by themselves, one is terminated in the middle.
const workers = isMainThread ? [0, 1, 2].map(() => new Worker(__filename, { workerData: addonPath })) : [];
if (isMainThread) setTimeout(() => workers[2].terminate(), 50);
main().then(() => {
  if (isMainThread) process.stdout.write('done\n');
});
