// The other side of "amdgpu-svm fuzz --against": operations come in as JSON lines, recorded lines go out (docs/fuzz.md).
// Here the emulator answers, by its public API, as one GPU; a driver under test takes its place. Effects ("fx") are left out.
//   amdgpu-svm fuzz --family core,attributes,borders --only mmap,munmap,touch,set,get,fault,access,advance,gc --against 'node examples/against-server.mjs'
import { createInterface } from 'node:readline';
import { SvmDevice } from 'amdgpu-svm';
import { EmulatedMachine } from 'amdgpu-svm/emulator';

let machine, gpu, device;
const hex = (number) => `0x${number.toString(16)}`;
const place = ({ addr, len, size = len }) => ({ address: BigInt(addr), size: BigInt(size) });
const svm = (operation, where, attributes) => device.svmIoctl({ operation, ...place(where), attributes });

// A call that the process is refused is answered with its negative errno.
function system(call) {
  try {
    call();
    return { ret: 0 };
  } catch ({ errno }) {
    return { ret: errno };
  }
}

// By name; fields and answers are those of docs/traces.md. A configuration starts over.
const operations = {
  config({ profile }) {
    device?.close();
    machine = new EmulatedMachine({ asic: 'gfx942', profile });
    [gpu] = machine.devices;
    device = SvmDevice.open({ emulator: gpu });
    return { ret: 0, pasid: '0x8001', xnack: true };
  },
  mmap: ({ prot, kind, ...where }) => system(() => machine.process.mmap({ ...place(where), protection: prot, kind })),
  munmap: ({ addr, len }) => system(() => machine.process.munmap(BigInt(addr), BigInt(len))),
  touch({ addr, len, write }) {
    const { result, pages, fresh } = machine.process.calls.touch(BigInt(addr), BigInt(len), write);
    return { ret: result, pages: hex(pages), fresh: hex(fresh) };
  },
  set: ({ attrs, ...where }) => ({
    ret: svm(
      0,
      where,
      attrs.map(([type, value]) => ({ type, value })),
    ).result,
  }),
  get({ types, ...where }) {
    const { result, attributes } = svm(
      1,
      where,
      types.map((type) => ({ type, value: 0 })),
    );
    return result === 0 ? { ret: 0, values: attributes.map(({ value }) => value) } : { ret: result };
  },
  fault: ({ addr, write, ts }) => ({ ret: gpu.fault({ address: BigInt(addr), write, timestamp: ts }) }),
  access({ write, ...where }) {
    const { result, faults, runs } = gpu.access({ ...place(where), write });
    return {
      ret: result,
      faults,
      runs: runs.map((run) =>
        [run.outcome, hex(run.startPage), hex(run.pages), run.state].filter((part) => part !== undefined),
      ),
    };
  },
  advance: ({ ns }) => (machine.clock.advance(ns), { ret: 0, clock: hex(machine.clock.now) }),
  gc: () => ({ ret: 0, ran: machine.runPendingWork() > 0 }),
};

for await (const line of createInterface({ input: process.stdin })) {
  const operation = JSON.parse(line);
  const [[name, fields]] = Object.entries(operation);
  console.log(JSON.stringify({ in: operation, out: operations[name](fields) }));
}
