// Two GPUs share one range: each GPU has an SVM context of its own, both mirror the same process.
//
//   node examples/two-gpus.mjs
import { SvmDevice } from 'amdgpu-svm';
import { EmulatedMachine } from 'amdgpu-svm/emulator';
import { formatTraffic, HipMemoryAdvise, HipRuntime } from 'amdgpu-svm/hip';

const BYTES = 64 << 10;
const HALF = BYTES / 2;

const machine = new EmulatedMachine({ asic: 'gfx942', gpus: 2 });
const devices = machine.devices.map((emulator) => SvmDevice.open({ emulator }));
const hip = HipRuntime.open({ devices });
const stop = hip.traffic.on((event) => console.log(formatTraffic(event)));

const shared = hip.mallocManaged(BYTES);
const secondHalf = shared.address + BigInt(HALF);

// Each GPU owns a half, and may reach the other one in place.
hip.memAdvise(shared, HALF, HipMemoryAdvise.setPreferredLocation, 0);
hip.memAdvise(secondHalf, HALF, HipMemoryAdvise.setPreferredLocation, 1);
for (const gpu of [0, 1]) hip.memAdvise(shared, BYTES, HipMemoryAdvise.setAccessedBy, gpu);

// A stream on each GPU, and an event that tells the second one when the first is done.
const streams = [0, 1].map((gpu) => {
  hip.setDevice(gpu);
  return hip.streamCreate();
});
const written = hip.eventCreate();

hip.launch(streams[0], (queue) => queue.fill(shared.address, 0x11111111, HALF));
hip.eventRecord(written, streams[0]);

hip.streamWaitEvent(streams[1], written);
hip.launch(streams[1], async (queue) => {
  const [first] = new Uint32Array((await queue.read(shared.address, 4)).buffer);
  console.log(`GPU 1 reads 0x${first.toString(16)}, which GPU 0 wrote`);
  await queue.fill(secondHalf, first * 2, HALF);
});
await hip.streamSynchronize(streams[1]);

stop();
const words = new Uint32Array(shared.bytes.buffer, 0, BYTES / 4);
console.log(`the CPU reads 0x${words[0].toString(16)} and 0x${words.at(-1).toString(16)}`);
console.log(`accessed by: ${hip.memRangeAttributes(shared, BYTES).accessedBy.join(', ')}`);

hip.close();
for (const device of devices) device.close();
