// Who pays for bringing memory to the GPU? Three buffers, written by the CPU first, then read by
// the GPU: one as it is ("first touch"), one with a preferred location, one that was prefetched.
//
//   node examples/first-touch-versus-preferred-location.mjs
//
// A preferred location is advice. The kernel's SVM (RFC V4) stores it and moves nothing by it, so
// the GPU faults as on first touch; only a prefetch spares it the faults.
import { SvmDevice } from 'amdgpu-svm';
import { EmulatedMachine } from 'amdgpu-svm/emulator';
import { formatTraffic, HipMemoryAdvise, HipRuntime } from 'amdgpu-svm/hip';

const BYTES = 8 << 20;

const machine = new EmulatedMachine({ asic: 'gfx942' });
const device = SvmDevice.open({ emulator: machine.devices[0] });
const hip = HipRuntime.open({ devices: [device] });

let faults = 0;
machine.on('fault', () => faults++);
// Every call of HIP with the ioctls that it caused.
const calls = [];
hip.traffic.on((event) => calls.push(formatTraffic(event)));

const ways = {
  'first touch': () => {},
  'preferred location': (memory) => hip.memAdvise(memory, BYTES, HipMemoryAdvise.setPreferredLocation, 0),
  prefetch: (memory) => hip.memPrefetchAsync(memory, BYTES, 0),
};

for (const [name, prepare] of Object.entries(ways)) {
  const memory = hip.mallocManaged(BYTES);
  calls.length = 0;
  memory.write(0, new Uint8Array(BYTES).fill(7)); // First touch, by the CPU.
  prepare(memory);
  await hip.deviceSynchronize();

  faults = 0;
  const bytes = await hip.launch(null, (queue) => queue.read(memory.address, BYTES));
  console.log(`${name}: ${faults} GPU faults, read ${bytes.every((byte) => byte === 7) ? 'right' : 'wrong'}`);
  for (const call of calls) console.log(`  ${call}`);
  calls.length = 0;
  const { preferredLocation, lastPrefetchLocation } = hip.memRangeAttributes(memory, BYTES);
  console.log(`  preferred ${preferredLocation}, last prefetch ${lastPrefetchLocation}`);
}

hip.close();
device.close();
