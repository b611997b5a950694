import { afterEach, describe, expect, it, vi } from 'vitest';
import { EmulatedMachine } from '../../emulator/index.ts';
import { HsaRig, PAGE, refusal } from '../../test/support/hsa-rig.ts';
import { SvmDevice } from '../index.ts';
import { formatTraffic, HsaRuntime, HsaStatus, HsaSvmAttribute, HsaSystemInfo } from './index.ts';
import type { HsaAgent, HsaRuntimeOptions, HsaSignal } from './index.ts';

const A = HsaSvmAttribute;
const toClose: { close(): void }[] = [];
const rig = (gpus: number, options: Omit<HsaRuntimeOptions, 'devices'> = {}): HsaRig => {
  const made = new HsaRig(gpus, options);
  toClose.push(made);
  return made;
};
const device = (machine = new EmulatedMachine()): SvmDevice => {
  const opened = SvmDevice.open({ emulator: machine.devices[0]! });
  toClose.push(opened);
  return opened;
};
afterEach(() => {
  for (const open of toClose.splice(0)) open.close();
  vi.unstubAllEnvs();
});

const DROPPED =
  'hsa_amd_svm_prefetch_async(GPU0) -> no ioctl ! HSA_STATUS_ERROR_NOT_INITIALIZED (0x100b): the runtime was closed before the call ran';

describe('opening and closing', () => {
  it('takes what SvmDevice.open gives, and closes it', () => {
    vi.stubEnv('AMDGPU_SVM_BACKEND', 'emulated');
    const runtime = HsaRuntime.open();
    const [agent] = runtime.gpuAgents;
    expect([runtime.cpuAgents.length, runtime.gpuAgents.length, agent!.device!.backend]).toEqual([1, 1, 'emulated']);
    runtime.close();
    runtime.close();
    expect([runtime.closed, agent!.device!.closed]).toEqual([true, true]);
  });

  it('throws what SvmDevice.open throws', () => {
    vi.stubEnv('AMDGPU_SVM_BACKEND', 'nonsense');
    expect(() => HsaRuntime.open()).toThrow(expect.objectContaining({ code: 'ERR_SVM_INVALID_OPTION' }));
  });

  it('leaves devices of the caller open', () => {
    const made = rig(2);
    made.runtime.close();
    expect(made.devices.map(({ closed }) => closed)).toEqual([false, false]);
  });

  it('is disposed by using', () => {
    const machine = device();
    let seen: HsaRuntime;
    {
      using runtime = HsaRuntime.open({ devices: [machine] });
      seen = runtime;
    }
    expect([seen.closed, machine.closed]).toEqual([true, false]);
  });

  it('stops listening to the devices', () => {
    const made = rig(1);
    made.runtime.close();
    made.devices[0]!.prefetch({ address: made.map(), size: PAGE }, 'device');
    expect([made.runtime.traffic.active, made.events]).toEqual([false, []]);
  });

  it('drops prefetches that wait: nothing is sent, and the traffic view says so', async () => {
    const made = rig(1);
    const { runtime } = made;
    const gate = runtime.createSignal(1);
    runtime.svmPrefetchAsync(made.map(), PAGE, runtime.gpuAgents[0]!, [gate], runtime.createSignal(1));
    runtime.svmPrefetchAsync(made.map(), PAGE, runtime.gpuAgents[0]!);
    const idle = runtime.idle();
    const calls: unknown[] = [];
    made.devices[0]!.observe((call) => calls.push(call));
    runtime.close();
    await idle;
    expect(calls).toEqual([]);
    expect(made.events.map(formatTraffic)).toEqual([DROPPED, DROPPED]);
  });

  it('of a runtime does not close another one of the same devices', () => {
    const made = rig(1);
    const second = HsaRuntime.open({ devices: made.devices });
    made.runtime.close();
    expect(second.svmAttributesGet(made.map(), PAGE, [{ attribute: A.readOnly }])).toEqual([
      { attribute: A.readOnly, value: 0 },
    ]);
    second.close();
  });
});

describe('agents', () => {
  it('have names, nodes, and handles of their own', () => {
    const { runtime, devices } = rig(3, { cpuAgents: 2 });
    const agents = [...runtime.cpuAgents, ...runtime.gpuAgents];
    expect(agents.map(({ name, kind, index, node }) => [name, kind, index, node])).toEqual([
      ['CPU0', 'cpu', 0, 0],
      ['CPU1', 'cpu', 1, 1],
      ['GPU0', 'gpu', 0, 2],
      ['GPU1', 'gpu', 1, 3],
      ['GPU2', 'gpu', 2, 4],
    ]);
    expect(new Set([...agents, ...rig(3).runtime.gpuAgents].map(({ handle }) => handle)).size).toBe(8);
    expect(runtime.gpuAgents.map((agent) => agent.device)).toEqual(devices);
    expect(Object.isFrozen(runtime.gpuAgents) && Object.isFrozen(runtime.cpuAgents)).toBe(true);
  });

  it('count up to eight GPUs of one machine', () => {
    const made = rig(8);
    const page = made.map();
    const pairs = made.runtime.gpuAgents.map((value) => ({ attribute: A.agentAccessibleInPlace, value }));
    made.runtime.svmAttributesSet(page, PAGE, pairs);
    expect(made.traffic()).toEqual(Array.from({ length: 8 }, (_, index) => `GPU${index}: 2:1`));
  });
});

describe('system information', () => {
  const ask = (runtime: HsaRuntime): boolean[] =>
    Object.values(HsaSystemInfo).map((attribute) => runtime.systemInfo(attribute));

  it.each<[string, ConstructorParameters<typeof HsaRig>, boolean[]]>([
    ['two GPUs with XNACK', [2], [true, true, true]],
    ['no GPU', [0], [true, true, true]],
    ['a GPU without XNACK', [1, {}, { asic: 'gfx1100' }], [true, false, false]],
    ['a kernel without SVM', [1, {}, { svmConfigured: false }], [false, true, true]],
  ])('%s', (_name, args, expected) => {
    const made = new HsaRig(...args);
    toClose.push(made);
    expect(ask(made.runtime)).toEqual(expected);
  });

  it('is INVALID_ARGUMENT for anything else', () => {
    const { runtime } = rig(1);
    expect(refusal(() => runtime.systemInfo(0x203)).status).toBe(HsaStatus.invalidArgument);
    expect(refusal(() => runtime.systemInfo(NaN)).field).toBe('attribute');
    expect(() => runtime.systemInfo('SVM' as never)).toThrow(expect.objectContaining({ code: 'ERR_SVM_INVALID_TYPE' }));
  });
});

describe('misuse is an error that names the field', () => {
  it.each<[string, unknown]>([
    ['options: ', 5],
    ['options: ', null],
    ['options.device: ', { device: 1 }],
    ['devices: ', { devices: 'GPU0' }],
    ['devices: ', { devices: null }],
    ['devices[0]: ', { devices: [{}] }],
    ['devices[0]: ', { devices: new Array(1) }],
    ['cpuAgents: ', { devices: [], cpuAgents: 0 }],
    ['cpuAgents: ', { devices: [], cpuAgents: '1' }],
    ['cpuAgents: ', { devices: [], cpuAgents: 1.5 }],
    ['release: ', { devices: [], release: 2026 }],
    ['compatibility: ', { devices: [], compatibility: 'both' }],
  ])('open: %s', (field, options) => {
    expect(() => HsaRuntime.open(options as HsaRuntimeOptions)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ERR_SVM_/), message: expect.stringContaining(field) }),
    );
  });

  it('open: the same device twice, devices of two machines, a closed device', () => {
    const [one, other] = [device(), device()];
    expect(() => HsaRuntime.open({ devices: [one, one] })).toThrow(/^devices\[1\]: this device is in the list already/);
    expect(() => HsaRuntime.open({ devices: [one, other] })).toThrow(/^devices\[1\]: not of the same process/);
    other.close();
    expect(() => HsaRuntime.open({ devices: [other] })).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_CLOSED', message: 'devices[0]: the device is closed' }),
    );
  });

  it.each<[string, unknown[]]>([
    ['address: ', [4096, PAGE, []]],
    ['address: ', [-1n, PAGE, []]],
    ['address: ', [1n << 64n, PAGE, []]],
    ['address: ', [undefined, PAGE, []]],
    ['size: ', [4096n, -1, []]],
    ['size: ', [4096n, 0.5, []]],
    ['size: ', [4096n, '4096', []]],
    ['size: ', [4096n, 1n << 64n, []]],
    ['pairs: ', [4096n, PAGE, undefined]],
    ['pairs: ', [4096n, PAGE, { attribute: 1, value: 1 }]],
    ['pairs[0]: ', [4096n, PAGE, [undefined]]],
    ['pairs[0]: ', [4096n, PAGE, new Array(1)]],
    ['pairs[0]: ', [4096n, PAGE, [[1, 1]]]],
    ['pairs[0]: ', [4096n, PAGE, [{ value: 1 }]]],
    [
      'pairs[1].attribute: ',
      [
        4096n,
        PAGE,
        [
          { attribute: 1, value: 1 },
          { attribute: 'READ_ONLY', value: 1 },
        ],
      ],
    ],
    ['pairs[0].attribute: ', [4096n, PAGE, [{ attribute: -1, value: 1 }]]],
    ['pairs[0].attribute: ', [4096n, PAGE, [{ attribute: 1.5, value: 1 }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 1 }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 1, value: 'yes' }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 1, value: null }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 3, value: -1 }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 3, value: NaN }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 4, value: undefined }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 4, value: true }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: 0x200, value: { kind: 'gpu', handle: 0x1000n } }]]],
  ])('set: %s', (field, args) => {
    const made = rig(1);
    expect(() => made.runtime.svmAttributesSet(...(args as [never, never, never]))).toThrow(
      expect.objectContaining({
        code: expect.stringMatching(/^ERR_SVM_/),
        message: expect.stringMatching(new RegExp(`^${field.replace(/[[\]]/g, '\\$&')}`)),
      }),
    );
    // However odd the arguments, the call is shown.
    expect(made.events).toHaveLength(1);
    expect(made.traffic()).toEqual([]);
  });

  it('set: an agent where a number belongs', () => {
    const made = rig(1);
    expect(() =>
      made.runtime.svmAttributesSet(4096n, PAGE, [{ attribute: A.readOnly, value: made.runtime.gpuAgents[0]! }]),
    ).toThrow(/^pairs\[0\]\.value: expected a number/);
  });

  it.each<[string, unknown[]]>([
    ['address: ', [4096, PAGE, []]],
    ['pairs: ', [4096n, PAGE]],
    ['pairs[0]: ', [4096n, PAGE, [A.readOnly]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: A.accessQuery }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: A.accessQuery, value: 'GPU0' }]]],
    ['pairs[0].value: ', [4096n, PAGE, [{ attribute: A.migrationGranularity, value: 'x' }]]],
  ])('get: %s', (field, args) => {
    expect(() => rig(1).runtime.svmAttributesGet(...(args as [never, never, never]))).toThrow(
      expect.objectContaining({ code: 'ERR_SVM_INVALID_TYPE', message: expect.stringContaining(field) }),
    );
  });

  it('prefetch: no agent, foreign agents and signals, wrong types', async () => {
    const made = rig(1);
    const { runtime } = made;
    const other = rig(1).runtime;
    const [gpu] = runtime.gpuAgents;
    const page = made.map();
    const prefetch = (agent: unknown, dependencies?: unknown, completion?: unknown) => () =>
      runtime.svmPrefetchAsync(page, PAGE, agent as HsaAgent, dependencies as HsaSignal[], completion as HsaSignal);
    const named = (action: () => unknown): unknown[] => {
      const { statusName, field } = refusal(action);
      return [statusName.replace('HSA_STATUS_ERROR_', ''), field];
    };
    expect(named(prefetch(null))).toEqual(['INVALID_AGENT', 'agent']);
    expect(named(prefetch(7n))).toEqual(['INVALID_AGENT', 'agent']);
    expect(named(prefetch(other.gpuAgents[0]))).toEqual(['INVALID_AGENT', 'agent']);
    expect(named(prefetch(gpu, [runtime.createSignal(0), other.createSignal(0)]))).toEqual([
      'INVALID_SIGNAL',
      'dependencies[1]',
    ]);
    expect(named(prefetch(gpu, [], other.createSignal(0)))).toEqual(['INVALID_SIGNAL', 'completion']);
    expect(prefetch(undefined)).toThrow(/^agent: /);
    expect(prefetch({})).toThrow(/^agent: /);
    expect(prefetch(gpu, runtime.createSignal(0))).toThrow(/^dependencies: /);
    expect(prefetch(gpu, [null])).toThrow(/^dependencies\[0\]: /);
    expect(prefetch(gpu, new Array(1))).toThrow(/^dependencies\[0\]: /);
    expect(prefetch(gpu, [], 1)).toThrow(/^completion: /);
    expect(() => runtime.svmPrefetchAsync(0 as never, PAGE, gpu!)).toThrow(/^address: /);
    await runtime.idle();
    expect(made.traffic()).toEqual([]);
  });

  it('use after close is NOT_INITIALIZED, whatever the arguments', () => {
    const { runtime } = rig(1);
    runtime.close();
    const uses = [
      () => runtime.svmAttributesSet(undefined as never, 0, []),
      () => runtime.svmAttributesGet(undefined as never, 0, []),
      () => runtime.svmPrefetchAsync(undefined as never, 0, undefined as never),
      () => runtime.systemInfo(undefined as never),
      () => runtime.createSignal(undefined as never),
    ];
    for (const use of uses) expect(refusal(use).status).toBe(HsaStatus.notInitialized);
  });

  it('a device that was closed under the runtime is said to be, and no get pretends to answer', () => {
    const made = rig(2);
    made.devices[1]!.close();
    const closed = expect.objectContaining({ code: 'ERR_SVM_CLOSED', message: 'devices[1]: the device is closed' });
    expect(() => made.runtime.svmAttributesSet(4096n, PAGE, [])).toThrow(closed);
    expect(() => made.runtime.svmAttributesGet(4096n, PAGE, [{ attribute: A.readOnly }])).toThrow(closed);
    expect(() => made.runtime.svmPrefetchAsync(4096n, PAGE, made.runtime.gpuAgents[0]!)).toThrow(closed);
  });
});
