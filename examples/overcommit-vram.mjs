// More managed memory than VRAM, walked twice by the GPU: on PATCH v8 as it was posted, whose evictions leave the GPU
// mapped to VRAM that is given away, and with its known defects repaired.
//
//   node examples/overcommit-vram.mjs               256 MiB of memory on 64 MiB of VRAM
//   node examples/overcommit-vram.mjs 64 16         GiB; with the time and the memory that it takes
import { SvmDevice } from 'amdgpu-svm';
import { EmulatedMachine, gpuPageValue } from 'amdgpu-svm/emulator';

const [managed, vram] = process.argv.length > 3 ? process.argv.slice(2, 4).map(Number) : [0.25, 0.0625];
const [GIB, BLOCK, PAGE] = [2 ** 30, 2 ** 21, 4096];
const BASE = 0x1000_0000_0000n;
const blocks = (managed * GIB) / BLOCK;
/** Pages of each block with contents: a 256th of all memory. Page 0, where the walk of a block ends, has none. */
const PAGES = [3, 260];
const blockAt = (block) => BASE + BigInt(block * BLOCK);
const valueOf = (block, page) => block * 512 + page + 1;

/** Walks the memory twice; says which blocks the GPU read wrong, and for which the monitor named a defect. */
function walk(repairs) {
  const machine = new EmulatedMachine({ profile: 'v8', vram: vram * GIB, repairs });
  machine.watchHazards();
  const [wrong, named, defects] = [new Set(), new Set(), new Set()];
  machine.on('hazard', ({ address, size, quirk, hazard }) => {
    if (hazard.severity !== 'corruption') return;
    defects.add(quirk);
    for (let at = address; at < address + size; at += BigInt(BLOCK)) named.add(Number((at - BASE) / BigInt(BLOCK)));
  });
  const [device] = machine.devices;
  const svm = SvmDevice.open({ emulator: device });
  const [file] = device.files;
  machine.process.mmap({ address: BASE, size: managed * GIB });
  const page = new Uint8Array(PAGE);
  const word = new DataView(page.buffer);
  for (let block = 0; block < blocks; block++) {
    for (const at of PAGES) {
      word.setUint32(0, valueOf(block, at), true);
      machine.process.write(blockAt(block) + BigInt(at * PAGE), page);
    }
  }
  svm.setAttributes({ address: BASE, size: managed * GIB }, { preferredLocation: 'device' });
  for (let round = 0; round < 2; round++) {
    for (let block = 0; block < blocks; block++) {
      // Waves of a kernel come in no order: this one comes from the end.
      for (const at of PAGES.toReversed()) {
        const address = blockAt(block) + BigInt(at * PAGE);
        device.access({ address, size: 4, write: false });
        if (gpuPageValue(device, file, Number(address >> 12n)) !== valueOf(block, at)) wrong.add(block);
      }
      device.access({ address: blockAt(block), size: BLOCK, write: false });
      machine.clock.advance(2_000_000);
    }
  }
  const { evictions } = device.memory.counters;
  const memory = process.memoryUsage.rss();
  const names = [...defects].join(', ');
  svm.close();
  return { wrong, named, names, evictions, memory };
}

for (const [what, repairs] of [
  ['as posted', []],
  ['repaired', 'all'],
]) {
  const before = process.cpuUsage();
  const { wrong, named, names, evictions, memory } = walk(repairs);
  const { user, system } = process.cpuUsage(before);
  const unnamed = [...wrong].filter((block) => !named.has(block)).length;
  console.log(`${what}: ${evictions} evictions, the GPU read ${wrong.size} of ${blocks} blocks wrong`);
  if (wrong.size > 0) console.log(`  named: all but ${unnamed}, by ${names}`);
  if (process.argv.length > 3) {
    const records = memory - blocks * PAGES.length * PAGE;
    const perPage = (records / ((managed * GIB) / PAGE)).toFixed(1);
    console.log(
      `  ${((user + system) / 1e6).toFixed(1)} s of processor time; ${perPage} bytes of the process for each page`,
    );
  }
}
