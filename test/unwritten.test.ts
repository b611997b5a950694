/** The end of large memory that nobody wrote costs page tables only: neither its bytes are looked at, nor does it become resident. */
import { expect, it } from 'vitest';
import { runNode } from './support/package-support.ts';

const SIZE = 2 ** 30;

/** Ends 1 GiB of managed memory, which the GPU maps, and says what that took. */
const PROGRAM = `
  const { EmulatedMachine } = require('./dist/emulator/index.cjs');
  const { SvmDevice } = require('./dist/lib/index.cjs');
  const { HipRuntime } = require('./dist/lib/hip/index.cjs');
  const ENDS = {
    discard: ({ machine, memory }) => machine.process.discard(memory.address, ${SIZE}),
    munmap: ({ machine, memory }) => machine.process.munmap(memory.address, ${SIZE}),
    hipDiscard: async ({ hip, memory }) => {
      const stream = hip.streamCreate();
      hip.memDiscardBatchAsync([memory], [${SIZE}], 1, 0, stream);
      await hip.streamSynchronize(stream);
    },
    hipFree: ({ hip, memory }) => hip.free(memory),
    exit: ({ machine }) => machine.process.exit(),
  };
  (async () => {
    const machine = new EmulatedMachine({ vram: 2 ** 31, profile: process.argv[2] });
    const device = SvmDevice.open({ emulator: machine.devices[0] });
    const hip = HipRuntime.open({ devices: [device] });
    const memory = hip.mallocManaged(${SIZE});
    device.prefetch(memory, 'device');
    const before = process.memoryUsage.rss();
    const begin = process.cpuUsage();
    await ENDS[process.argv[1]]({ machine, device, hip, memory });
    const { user, system } = process.cpuUsage(begin);
    console.log(JSON.stringify([process.memoryUsage.rss() - before, (user + system) / 1000]));
  })();
`;

const ENDS = ['discard', 'munmap', 'hipDiscard', 'hipFree', 'exit'];

it.each([...ENDS.map((end) => [end, 'v4'] as const), ['munmap', 'v8'] as const, ['hipDiscard', 'v8'] as const])(
  '%s of 1 GiB that nobody wrote, on %s',
  async (end, profile) => {
    const result = await runNode(['-e', PROGRAM, end, profile]);
    expect(result.code, result.output).toBe(0);
    const [resident, milliseconds] = JSON.parse(result.stdout) as [number, number];
    expect(resident).toBeLessThan(16 * 2 ** 20);
    // A look at each byte takes 300 ms, and making them resident a second.
    expect(milliseconds).toBeLessThan(150);
  },
);
