import { afterEach, describe, expect, it } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { formatTraffic, formatTrafficIoctl, SvmDevice, TrafficLog } from './index.ts';
import type { TrafficEvent } from './index.ts';

const opened: SvmDevice[] = [];
const rig = (gpus: number) => {
  const machine = new EmulatedMachine({ gpus });
  const devices = machine.devices.map((emulator) => SvmDevice.open({ emulator }));
  opened.push(...devices);
  const log = new TrafficLog(devices);
  const events: TrafficEvent[] = [];
  return { machine, devices, log, events, range: { address: machine.process.mmap({ size: 8192 }), size: 8192 } };
};
afterEach(() => {
  for (const device of opened.splice(0)) device.close();
});

describe('a traced call', () => {
  it('is one event with its ioctls, devices labelled by position', () => {
    const { devices, log, events, range } = rig(2);
    log.on((event) => events.push(event));
    const answer = log.log('hipMemAdvise(SetPreferredLocation, 1)', () => {
      devices[1]!.setAttributes(range, { preferredLocation: 'device' });
      return 7;
    });
    expect(answer).toBe(7);
    expect(events).toEqual([
      {
        call: 'hipMemAdvise(SetPreferredLocation, 1)',
        ioctls: [
          {
            gpu: 'GPU1',
            operation: 0,
            address: range.address,
            size: 8192n,
            attributes: [{ type: 0, value: 1 }],
            result: 0,
          },
        ],
        error: undefined,
      },
    ]);
    expect(formatTraffic(events[0]!)).toBe('hipMemAdvise(SetPreferredLocation, 1) -> GPU1: PREFERRED_LOC=1');
  });

  it('is shown without ioctls, and with its error, if it was refused before', () => {
    const { log, events } = rig(1);
    log.on((event) => events.push(event));
    const error = new Error('INVALID');
    expect(() =>
      log.log('set()', () => {
        throw error;
      }),
    ).toThrow(error);
    expect(events).toEqual([{ call: 'set()', ioctls: [], error }]);
    expect(formatTraffic(events[0]!)).toBe('set() -> no ioctl ! INVALID');
  });

  it('inside another belongs to the outer one', () => {
    const { devices, log, events, range } = rig(1);
    log.on((event) => events.push(event));
    log.log('outer', () => log.log('inner', () => devices[0]!.prefetch(range, 'device')));
    expect(events.map(formatTraffic)).toEqual(['outer -> GPU0: PREFETCH_LOC=1']);
  });

  it('does not take what nobody traced, nor what another log traces', () => {
    const { devices, log, events, range } = rig(1);
    log.on((event) => events.push(event));
    devices[0]!.prefetch(range, 'device');
    new TrafficLog(devices).log('other', () => devices[0]!.prefetch(range, 'system'));
    expect(events).toEqual([]);
  });

  it('keeps overlapping asynchronous calls apart', async () => {
    const { devices, log, events, range } = rig(2);
    log.on((event) => events.push(event));
    const both = async (name: string, target: 'device' | 'system') =>
      log.log(name, async () => {
        for (const device of devices) await device.prefetchAsync(range, target);
      });
    await Promise.all([both('a', 'device'), both('b', 'system')]);
    expect(events.map(formatTraffic)).toEqual([
      'a -> GPU0: PREFETCH_LOC=1; GPU1: PREFETCH_LOC=1',
      'b -> GPU0: PREFETCH_LOC=SYSMEM; GPU1: PREFETCH_LOC=SYSMEM',
    ]);
  });

  it('that rejects ends with the error', async () => {
    const { devices, log, events } = rig(1);
    log.on((event) => events.push(event));
    await expect(
      log.log('prefetch', () => devices[0]!.prefetchAsync({ address: 4096n, size: 4096 }, 'device')),
    ).rejects.toThrow('EFAULT');
    expect(formatTraffic(events[0]!)).toMatch(/^prefetch -> GPU0: PREFETCH_LOC=1 \[EFAULT\] ! EFAULT/);
  });
});

describe('listeners', () => {
  it('cost nothing when there are none: no name is made, no device observed', () => {
    const { devices, log, range } = rig(1);
    const name = (): string => {
      throw new Error('asked for the name');
    };
    expect(log.active).toBe(false);
    expect(log.log(name, () => 3)).toBe(3);
    const stop = log.on(() => undefined);
    expect(log.active).toBe(true);
    stop();
    expect(log.active).toBe(false);
    expect(log.log(name, () => devices[0]!.prefetch(range, 'device'))).toBeUndefined();
  });

  it('are stopped one by one, or all by close', () => {
    const { devices, log, range } = rig(1);
    const seen: string[] = [];
    const stops = ['a', 'b'].map((name) => log.on(() => seen.push(name)));
    const call = (): void => log.log('call', () => devices[0]!.prefetch(range, 'device'));
    call();
    stops[0]!();
    stops[0]!();
    call();
    log.close();
    call();
    expect(seen).toEqual(['a', 'b', 'b']);
  });

  it('may be the same function twice', () => {
    const { log } = rig(1);
    let calls = 0;
    const listener = (): void => void calls++;
    const stop = log.on(listener);
    log.on(listener);
    log.log('x', () => undefined);
    stop();
    log.log('x', () => undefined);
    expect(calls).toBe(3);
  });
});

describe('the text of an ioctl', () => {
  const line = (operation: number, attributes: [number, number][], result = 0): string =>
    formatTrafficIoctl({
      gpu: 'GPU3',
      operation,
      address: 4096n,
      size: 4096n,
      attributes: attributes.map(([type, value]) => ({ type, value })),
      result,
    });

  it('names attributes as the user ABI does', () => {
    expect(
      line(
        0,
        Array.from({ length: 13 }, (_, type) => [type, 1]),
      ),
    ).toBe(
      'GPU3: PREFERRED_LOC=1, PREFETCH_LOC=1, ACCESS=IN_PLACE, GRANULARITY=1, HOST_ACCESS=1, COHERENT=1, EXT_COHERENT=1, ' +
        'HIVE_LOCAL=1, GPU_RO=1, GPU_EXEC=1, GPU_READ_MOSTLY=1, GPU_ALWAYS_MAPPED=1, TYPE_12=1',
    );
  });

  it('names special values, and shows others as numbers', () => {
    expect(
      line(0, [
        [0, 0xffff_ffff],
        [1, 0],
        [0, 7],
        [2, 0],
        [2, 2],
        [2, 9],
        [3, 0xffff_ffff],
      ]),
    ).toBe(
      'GPU3: PREFERRED_LOC=UNDEFINED, PREFETCH_LOC=SYSMEM, PREFERRED_LOC=7, ACCESS=INACCESSIBLE, ACCESS=ALLOW_MIGRATE, ACCESS=9, ' +
        'GRANULARITY=4294967295',
    );
  });

  it('marks a get and other operations, and ends in the errno of a refusal', () => {
    expect(line(1, [[0, 0xffff_ffff]])).toBe('GPU3: GET PREFERRED_LOC=UNDEFINED');
    expect(
      line(
        1,
        [
          [0, 0],
          [2, 0],
        ],
        -14,
      ),
    ).toBe('GPU3: GET PREFERRED_LOC, ACCESS [EFAULT]');
    expect(line(0, [[5, 2]], -22)).toBe('GPU3: COHERENT=2 [EINVAL]');
    expect(line(2, [])).toBe('GPU3: RESET');
    expect(line(3, [])).toBe('GPU3: OPERATION 3');
    expect(line(0, [], -9999)).toBe('GPU3: [errno 9999]');
  });
});
