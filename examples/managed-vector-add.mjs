// Vector addition in managed memory: the CPU fills a and b, the GPU computes c = a + b, the CPU
// reads c - all at the same addresses, without a copy between them.
//
//   node examples/managed-vector-add.mjs
//
// There is no shader here: the GPU's part is played by its queue, which reads and writes through
// the GPU's page table and raises the faults that a shader would.
import { SvmDevice } from 'amdgpu-svm';
import { HipMemoryAdvise, HipRuntime } from 'amdgpu-svm/hip';

const COUNT = 1 << 20;
const BYTES = COUNT * Float32Array.BYTES_PER_ELEMENT;
// A workgroup of the "kernel": what is added in one go.
const CHUNK = 1 << 16;

// GPU work is emulated so far; without this line a real GPU would be taken where there is one.
const device = SvmDevice.open({ backend: 'emulated' });
const hip = HipRuntime.open({ devices: [device] });

const a = hip.mallocManaged(BYTES);
const b = hip.mallocManaged(BYTES);
const c = hip.mallocManaged(BYTES);

// `bytes` is the memory itself, so a view of it needs no writing back.
const floats = ({ bytes }) => new Float32Array(bytes.buffer, bytes.byteOffset, COUNT);
floats(a).forEach((_, index, values) => (values[index] = index));
floats(b).fill(0.5);

// The inputs are only read from now on; both are to be on the GPU before the work begins.
const stream = hip.streamCreate();
for (const input of [a, b]) {
  hip.memAdvise(input, BYTES, HipMemoryAdvise.setReadMostly, 0);
  hip.memPrefetchAsync(input, BYTES, 0, stream);
}

// The kernel launch: it runs when the prefetches before it on the stream have ended.
hip.launch(stream, async (queue) => {
  for (let offset = 0; offset < BYTES; offset += CHUNK) {
    const left = new Float32Array((await queue.read(a.address + BigInt(offset), CHUNK)).buffer);
    const right = new Float32Array((await queue.read(b.address + BigInt(offset), CHUNK)).buffer);
    const sum = left.map((value, index) => value + right[index]);
    await queue.write(c.address + BigInt(offset), new Uint8Array(sum.buffer));
  }
});

// The CPU needs the result: home with it, then wait for everything on the stream.
hip.memPrefetchAsync(c, BYTES, -1, stream);
await hip.streamSynchronize(stream);

const result = floats(c);
const wrong = result.findIndex((value, index) => value !== Math.fround(index + 0.5));
console.log(
  `added ${COUNT} numbers on the GPU: ${wrong === -1 ? 'all right' : `element ${wrong} is ${result[wrong]}`}`,
);
console.log(`c[0] = ${result[0]}, c[${COUNT - 1}] = ${result[COUNT - 1]}`);
const { readMostly, lastPrefetchLocation } = hip.memRangeAttributes(a, BYTES);
console.log(`a: read mostly ${readMostly}, last prefetched to device ${lastPrefetchLocation}`);

hip.close(); // Frees a, b and c.
device.close();
