/** rocrtstFunc.SvmMemory_*, but for the discard calls. */
import { HsaPointerType, HsaSvmAttribute as Attribute } from '../../../hsa/index.ts';
import { CaseGroup } from '../../framework/case.ts';
import { pages } from '../../framework/mapping.ts';
import { accessOf, ask, eachRuntime, openRuntime, pair, prefetch, reserve, runtimeFeatures } from './runtime.ts';
import { allAre } from '../../support/distinct.ts';

export const basicGroup = new CaseGroup(
  'rocrtst,SvmMemory_Basic_Test',
  'rocrtst: structures of SVM memory that CPU and GPU share',
);

export const accessedByGroup = new CaseGroup(
  'rocrtst,SvmMemory_AccessedBy_All_Devices_Test',
  'rocrtst: access of each agent',
);

const INTS = 4096;

const USED = 1024;

// struct { int data[4096], result[4096], unused[4096] }, struct { int result[4096] }
const HOST_SIZE = 3 * INTS * 4;

const DEVICE_SIZE = INTS * 4;

function ints(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.slice().buffer);
}

basicGroup
  .case(
    'TestCreateDestroy',
    'a kernel of 1024 threads reads a structure of the host and writes to it and to one of the device, both at reserved addresses',
  )
  .source('rocrtst SvmMemory_Basic_Test TestCreateDestroy')
  .parameters(eachRuntime())
  .needs('gpu-work')
  .needsAt(runtimeFeatures)
  // The memory for the second GPU may come to lie where that for the first one was.
  .needsAt(({ gpus }) => (gpus > 1 ? ['unmap-events'] : []))
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    for (const gpu of runtime.gpuAgents) {
      const [host, device] = [reserve(runtime, HOST_SIZE), reserve(runtime, DEVICE_SIZE)];
      runtime.svmAttributesSet(host.address, host.size, [
        pair(Attribute.preferredLocation, runtime.cpuAgents[0]!),
        pair(Attribute.agentAccessible, gpu),
      ]);
      runtime.svmAttributesSet(device.address, device.size, [
        pair(Attribute.preferredLocation, gpu),
        pair(Attribute.agentAccessible, gpu),
      ]);
      t.equal(
        [ask(runtime, host, Attribute.preferredLocation), ask(runtime, device, Attribute.preferredLocation)],
        ['CPU0', gpu.name],
        'preferred locations',
      );
      t.equal(
        [accessOf(runtime, host, gpu), accessOf(runtime, device, gpu)],
        ['accessible', 'accessible'],
        'access of the GPU',
      );
      host.memory.write(0, new Uint8Array(Int32Array.from({ length: USED }, () => 1).buffer));
      // gpuReadWrite: thread i does c[i] = a[i], b[i] = i.
      const queue = t.queue(gpu.device);
      const read = await queue.read(host.address, USED * 4);
      await queue.write(device.address, read);
      await queue.write(
        host.address + BigInt(INTS * 4),
        new Uint8Array(Int32Array.from({ length: USED }, (_, index) => index).buffer),
      );
      t.ok(allAre(ints(device.memory.read(0, USED * 4)), 1), 'every result of the device is the data of the host');
      t.ok(
        ints(host.memory.read(INTS * 4, USED * 4)).every((value, index) => value === index),
        'result i of the host is i',
      );
      t.ok(allAre(ints(device.memory.read(USED * 4, (INTS - USED) * 4)), 0), 'nothing was written after the results');
      for (const { address, size } of [host, device]) runtime.vmemAddressFree(address, size);
      t.equal(
        [host, device].map(({ memory }) => memory.unmapped),
        [true, true],
        'whether the memory is gone',
      );
    }
  });

basicGroup
  .case(
    'TestCreateDestroy-pointer-info',
    'a reserved address is known as such, with the begin and size of its reservation, also from an inner field',
  )
  .source('rocrtst SvmMemory_Basic_Test TestCreateDestroy')
  .parameters(eachRuntime())
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    const unknown = { type: HsaPointerType.unknown, address: 0n, size: 0 };
    // What was asked for counts, not the pages.
    for (const size of [HOST_SIZE, DEVICE_SIZE, 1024, 4097]) {
      const {
        address,
        pages: { size: mapped },
      } = reserve(runtime, size);
      t.equal(mapped, Math.ceil(size / 4096) * 4096, 'bytes that are mapped');
      const known = { type: HsaPointerType.reservedAddress, address, size };
      for (const offset of [0, 4, Math.floor(size / 3), size - 1])
        t.equal(
          runtime.pointerInfo(address + BigInt(offset)),
          known,
          `pointer information of byte ${offset} of ${size}`,
        );
      runtime.vmemAddressFree(address, size);
      t.equal(runtime.pointerInfo(address), unknown, 'pointer information once it is free');
    }
    t.equal(runtime.pointerInfo(t.map(4096).address), unknown, 'pointer information of memory of mmap');
  });

basicGroup
  .case('TestCreateDestroy-refused', 'what cannot be reserved, and what cannot be freed')
  .source('rocrtst SvmMemory_Basic_Test TestCreateDestroy, extended; HSA layer, order of checks')
  .parameters(eachRuntime())
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    const { address, size } = reserve(runtime, HOST_SIZE);
    const known = runtime.pointerInfo(address);
    await t.throws(() => runtime.vmemAddressReserve(0), 'HSA_STATUS_ERROR_INVALID_ARGUMENT', 'to reserve 0 bytes');
    await t.throws(
      () => runtime.vmemAddressReserve(4096, 0n, 3),
      'HSA_STATUS_ERROR_INVALID_ARGUMENT',
      'a flag that does not exist',
    );
    await t.throws(
      () => runtime.vmemAddressReserve((1n << 64n) - 1n),
      'HSA_STATUS_ERROR_OUT_OF_RESOURCES',
      'more than can be mapped',
    );
    await t.throws(
      () => runtime.vmemAddressFree(address + 4096n, size - 4096),
      'HSA_STATUS_ERROR_INVALID_ALLOCATION',
      'to free from the second page on',
    );
    await t.throws(
      () => runtime.vmemAddressFree(t.map(4096).address, 4096),
      'HSA_STATUS_ERROR_INVALID_ALLOCATION',
      'to free memory of mmap',
    );
    await t.throws(
      () => runtime.vmemAddressFree(address, size - 4096),
      'HSA_STATUS_ERROR_INVALID_ARGUMENT',
      'to free a page less',
    );
    t.equal(runtime.pointerInfo(address), known, 'pointer information after the refusals');
    runtime.vmemAddressFree(address, size);
    await t.throws(
      () => runtime.vmemAddressFree(address, size),
      'HSA_STATUS_ERROR_INVALID_ALLOCATION',
      'to free twice',
    );
  });

basicGroup
  .case('TestSVMPrefetch', 'after a prefetch to the GPU its location is the preferred one and that of the prefetch')
  .source(
    'rocrtst SvmMemory_Basic_Test TestSVMPrefetch: vacuous in the original, which asks what cannot be asked and compares its own input',
  )
  .parameters(eachRuntime())
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    for (const gpu of runtime.gpuAgents) {
      const memory = reserve(runtime, DEVICE_SIZE);
      runtime.svmAttributesSet(memory.address, memory.size, [
        pair(Attribute.preferredLocation, gpu),
        pair(Attribute.agentAccessible, gpu),
      ]);
      t.equal(ask(runtime, memory, Attribute.prefetchLocation), null, 'prefetch location before');
      await prefetch(runtime, memory, gpu);
      const asked = [{ attribute: Attribute.preferredLocation }, { attribute: Attribute.agentAccessible, value: gpu }];
      await t.throws(
        () => runtime.svmAttributesGet(memory.address, memory.size, asked),
        'HSA_STATUS_ERROR_INVALID_ARGUMENT',
        'the question of the original',
      );
      t.equal(ask(runtime, memory, Attribute.preferredLocation), gpu.name, 'preferred location');
      t.equal(ask(runtime, memory, Attribute.prefetchLocation), gpu.name, 'prefetch location');
      t.equal(accessOf(runtime, memory, gpu), 'accessible', 'access of the GPU');
      const types = [0, 1, 2];
      t.equal(t.get(memory.pages, types, gpu.device), [1, 1, 2], 'what the device was told');
    }
  });

basicGroup
  .case(
    'TestSVMPrefetch-dependencies',
    'a prefetch waits for its signals, counts its completion down by one, and names its location at once',
  )
  .source('rocrtst SvmMemory_Basic_Test TestSVMPrefetch, extended with the signals of TestSVMBatchDiscard')
  .parameters(eachRuntime())
  .needsAt(runtimeFeatures)
  .run(async (t, point) => {
    const runtime = openRuntime(t, point);
    for (const gpu of runtime.gpuAgents) {
      const memory = t.map(pages(4));
      const dependencies = [1, 1, 1].map((value) => runtime.createSignal(value));
      const done = runtime.createSignal(1);
      runtime.svmPrefetchAsync(memory.address, memory.size, gpu, dependencies, done);
      t.equal(ask(runtime, memory.range(), Attribute.prefetchLocation), gpu.name, 'prefetch location while it waits');
      for (const dependency of dependencies) {
        await done.wait('lt', 1, { timeout: 1 });
        t.equal(done.load(), 1n, 'completion while it waits');
        t.has(
          memory.range(),
          { prefetchLocation: 'undefined' },
          'prefetch location of the device while it waits',
          gpu.device,
        );
        dependency.store(0);
      }
      t.equal(await done.wait('lt', 1), 0n, 'completion');
      t.has(memory.range(), { prefetchLocation: 'device' }, 'prefetch location of the device', gpu.device);
    }
  });

accessedByGroup
  .case(
    'TestAccessedByAllDevices',
    'every agent gets access in a call of its own; that of the CPU is taken and given again',
  )
  .source('rocrtst SvmMemory_AccessedBy_All_Devices_Test TestAccessedByAllDevices')
  .parameters(eachRuntime())
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    const [cpu] = runtime.cpuAgents;
    const memory = reserve(runtime, 4096);
    const set = (attribute: number, agent = cpu!): void =>
      runtime.svmAttributesSet(memory.address, 4096, [pair(attribute, agent)]);
    set(Attribute.agentAccessible);
    for (const gpu of runtime.gpuAgents) set(Attribute.agentAccessible, gpu);
    const everybody = [cpu!, ...runtime.gpuAgents];
    const expected = (ofCpu: string): string[] => everybody.map((agent) => (agent === cpu ? ofCpu : 'accessible'));
    const found = (): (string | undefined)[] => everybody.map((agent) => accessOf(runtime, memory, agent));
    t.equal(found(), expected('accessible'), 'access of the agents');
    set(Attribute.agentNoAccess);
    t.equal(found(), expected('none'), 'access once the CPU has none');
    set(Attribute.agentAccessible);
    t.equal(found(), expected('accessible'), 'access once the CPU has it again');
  });

accessedByGroup
  .case(
    'TestAccessedByAllDevices-kinds',
    'a GPU has the access that was set last, and no other GPU is concerned; of a CPU, "in place" is lost',
  )
  .source('rocrtst SvmMemory_AccessedBy_All_Devices_Test TestAccessedByAllDevices, extended; spec/xnack-off §2')
  .parameters(
    eachRuntime()
      .combine('first', ['accessible', 'in-place', 'none'])
      .combine('second', ['accessible', 'in-place', 'none']),
  )
  .needsAt(runtimeFeatures)
  .run((t, point) => {
    const runtime = openRuntime(t, point);
    const memory = t.map(4096);
    const attributes = {
      accessible: Attribute.agentAccessible,
      'in-place': Attribute.agentAccessibleInPlace,
      none: Attribute.agentNoAccess,
    } as const;
    const everybody = [...runtime.cpuAgents, ...runtime.gpuAgents];
    // Without retry faults GPUs have no access that nobody gave them.
    const first = t.can('xnack-off') ? 'none' : 'accessible';
    const expected: string[] = everybody.map(({ kind }) => (kind === 'cpu' ? 'accessible' : first));
    for (const [index, agent] of everybody.entries()) {
      for (const word of [point.first, point.second]) {
        runtime.svmAttributesSet(memory.address, memory.size, [pair(attributes[word], agent)]);
        expected[index] = agent.kind === 'cpu' && word === 'in-place' ? 'accessible' : word;
        t.equal(
          everybody.map((each) => accessOf(runtime, memory.range(), each)),
          expected,
          `access after "${word}" for ${agent.name}`,
        );
      }
    }
  });
