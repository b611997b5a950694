// Double buffering: while the GPU works on one half of a window, the next block is already on its
// way into the other half. The order is kept by signals, as an HSA program does it.
//
//   node examples/double-buffered-prefetch.mjs
import { SvmDevice } from 'amdgpu-svm';
import { HsaRuntime, HsaSvmAttribute } from 'amdgpu-svm/hsa';

const BLOCK = 1 << 20;
const BLOCKS = 6;
// The GPU works in pieces, so that there is time for something else in between.
const PIECE = 1 << 16;

const device = SvmDevice.open({ backend: 'emulated' });
const hsa = HsaRuntime.open({ devices: [device] });
const [gpu] = hsa.gpuAgents;
const [cpu] = hsa.cpuAgents;
const queue = device.createQueue();

// Blocks of input, block n full of byte n + 1, and one u32 of result for each.
const input = device.memory.map(BLOCK * BLOCKS);
for (let block = 0; block < BLOCKS; block++) input.bytes.fill(block + 1, block * BLOCK, (block + 1) * BLOCK);
hsa.svmAttributesSet(input.address, input.size, [
  { attribute: HsaSvmAttribute.agentAccessible, value: gpu },
  { attribute: HsaSvmAttribute.readMostly, value: true },
]);

const blockAt = (block) => input.address + BigInt(block * BLOCK);
/** arrived[n] falls to 0 when block n is on the GPU, used[n] when it is back home. */
const arrived = Array.from({ length: BLOCKS }, () => hsa.createSignal(1));
const used = Array.from({ length: BLOCKS }, () => hsa.createSignal(1));

// All prefetches are issued at once. Only two blocks may be on the GPU at a time, so block n
// waits until block n - 2 is home again. The calls return before anything has moved.
for (let block = 0; block < BLOCKS; block++) {
  const dependencies = block < 2 ? [] : [used[block - 2]];
  hsa.svmPrefetchAsync(blockAt(block), BLOCK, gpu, dependencies, arrived[block]);
}

const sums = [];
const state = (block) =>
  block >= BLOCKS ? 'there is none' : arrived[block].load() === 0n ? 'there already' : 'waiting';
for (let block = 0; block < BLOCKS; block++) {
  // 'lt', 1: a signal that became negative would mean an error.
  await arrived[block].wait('lt', 1);
  let sum = 0;
  for (let offset = 0; offset < BLOCK; offset += PIECE) {
    for (const byte of await queue.read(blockAt(block) + BigInt(offset), PIECE)) sum += byte;
  }
  sums.push(sum);
  console.log(
    `GPU done with block ${block}; block ${block + 1}: ${state(block + 1)}, block ${block + 2}: ${state(block + 2)}`,
  );
  // The block goes home; when it has, its place is free for the one after the next.
  hsa.svmPrefetchAsync(blockAt(block), BLOCK, cpu, [], used[block]);
}

console.log(`sums / ${BLOCK}: ${sums.map((sum) => sum / BLOCK).join(' ')}`);

hsa.close();
device.close();
