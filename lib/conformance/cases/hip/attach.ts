/** hipStreamAttachMemAsync.cc and stream/hipStreamAttachMemAsync.cc */
import { CaseGroup } from '../../framework/case.ts';
import { HipDeviceAttribute } from '../../../hip/index.ts';
import { Attach, eachHip, hipFeatures, INVALID_VALUE, ints, openHip, PAGE, valuesOf } from './runtime.ts';

export const attachGroup = new CaseGroup(
  'hip,hipStreamAttachMemAsync',
  'HIP: attaching memory to a stream, which means nothing on AMD but is checked',
);

const SOURCE = 'HIP catch hipStreamAttachMemAsync.cc';

const STREAM_SOURCE = 'HIP catch stream/hipStreamAttachMemAsync.cc';

attachGroup
  .case(
    'Unit_hipStreamAttachMemAsync_Positive_Basic',
    'length 0 means the whole allocation; nothing is told to the device',
  )
  .source(`${SOURCE} Positive_Basic`)
  .parameters(eachHip().combine('attach', ['global', 'host', 'single']).combine('length', ['0', 'all']))
  .needsAt(hipFeatures)
  .run((t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(PAGE, Attach.host);
    const before = hip.runtime.memRangeAttributes(memory, PAGE);
    hip.runtime.streamAttachMemAsync(
      hip.runtime.streamCreate(),
      memory,
      point.length === 'all' ? PAGE : 0,
      Attach[point.attach],
    );
    t.equal(hip.runtime.memRangeAttributes(memory, PAGE), before, 'attributes afterwards');
  });

attachGroup
  .case(
    'Unit_hipStreamAttachMemAsync_Positive_Pageable',
    'memory that the runtime does not know can be attached where GPUs reach it, with retry faults',
  )
  .source(`${SOURCE} Positive_Pageable; spec/hip §1`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const attach = (): void => hip.runtime.streamAttachMemAsync(hip.runtime.streamCreate(), t.map(PAGE).address, PAGE);
    const pageable = t.can('retry-faults');
    if (pageable) attach();
    else await t.throws(attach, INVALID_VALUE, 'the attachment');
    t.equal(
      hip.runtime.deviceGetAttribute(HipDeviceAttribute.pageableMemoryAccess, 0),
      pageable ? 1 : 0,
      'PageableMemoryAccess',
    );
  });

attachGroup
  .case(
    'Unit_hipStreamAttachMemAsync_Positive_AttachGlobal',
    '8 streams, over the GPUs in turn, write an element each of memory that was attached to the null stream',
  )
  .source(`${SOURCE} Positive_AttachGlobal, disabled on AMD`)
  .parameters(eachHip())
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(8 * 4, Attach.host);
    hip.runtime.streamAttachMemAsync(null, memory, 0, Attach.global);
    memory.write(0, ints(8, -1));
    const streams = Array.from({ length: 8 }, (_, index) => {
      hip.runtime.setDevice(index % point.gpus);
      return hip.runtime.streamCreate();
    });
    for (const [index, stream] of streams.entries())
      void hip.runtime.launch(stream, (queue) => queue.write(memory.address + BigInt(index * 4), ints(1, index)));
    for (const stream of streams) await hip.runtime.streamSynchronize(stream);
    t.equal([...new Int32Array(memory.read().buffer)], [0, 1, 2, 3, 4, 5, 6, 7], 'the elements');
  });

for (const name of ['Positive_AttachHost', 'Positive_AttachSingle']) {
  attachGroup
    .case(
      `Unit_hipStreamAttachMemAsync_${name}`,
      'the CPU writes while a kernel of another stream works on other memory',
    )
    .source(`${SOURCE} ${name}`)
    .unimplemented('the original runs only without ConcurrentManagedAccess, thus without SVM');
}

attachGroup
  .case('Unit_hipStreamAttachMemAsync_Negative_Parameters', 'what is refused, and with which error')
  .source(`${SOURCE} Negative_Parameters, disabled on AMD; ${STREAM_SOURCE} Negative`)
  .parameters(eachHip())
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    const memory = runtime.mallocManaged(PAGE);
    const [stream, destroyed] = [runtime.streamCreate(), runtime.streamCreate()];
    runtime.streamDestroy(destroyed);
    await t.throws(
      () => runtime.streamAttachMemAsync(destroyed, memory),
      'hipErrorContextIsDestroyed',
      'a destroyed stream',
    );
    await t.throws(() => runtime.streamAttachMemAsync(stream, null), INVALID_VALUE, 'a null pointer');
    await t.throws(() => runtime.streamAttachMemAsync(stream, null, 4), INVALID_VALUE, 'a null pointer with a length');
    for (const length of [PAGE / 2, 3, PAGE + 1])
      await t.throws(() => runtime.streamAttachMemAsync(stream, memory, length), INVALID_VALUE, `length ${length}`);
    for (const flags of [0, 3, 7]) {
      for (const each of [null, 'per-thread', stream] as const)
        await t.throws(() => runtime.streamAttachMemAsync(each, memory, 0, flags), INVALID_VALUE, `flags ${flags}`);
    }
    await t.throws(
      () => runtime.streamAttachMemAsync(null, memory, 0, Attach.single),
      INVALID_VALUE,
      'Single on the null stream',
    );
    await t.throws(
      () => runtime.streamAttachMemAsync(stream, t.map(PAGE).address, 0),
      INVALID_VALUE,
      'length 0 of memory that the runtime does not know',
    );
  });

attachGroup
  .case('Unit_hipStreamAttachMemAsync_Negative-stack', 'a variable on the stack, of which the length is not known')
  .source(`${STREAM_SOURCE} Negative`)
  .parameters(eachHip())
  .needs('stack')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const { runtime } = openHip(t, point);
    const stack = t.map(PAGE, { kind: 'stack' });
    await t.throws(
      () => runtime.streamAttachMemAsync(runtime.streamCreate(), stack.address, 0, Attach.single),
      INVALID_VALUE,
      'the attach',
    );
  });

attachGroup
  .case('Unit_hipStreamAttachMemAsync_UseCase', '1024 ints attached to a stream, which a kernel of it sets')
  .source(`${STREAM_SOURCE} UseCase`)
  .parameters(eachHip().combine('attach', ['host', 'single']))
  .needs('gpu-work')
  .needsAt(hipFeatures)
  .run(async (t, point) => {
    const hip = openHip(t, point);
    const memory = hip.managed(1024 * 4);
    const stream = hip.runtime.streamCreate();
    hip.runtime.streamAttachMemAsync(stream, memory, 0, Attach[point.attach]);
    await hip.runtime.streamSynchronize(stream);
    await hip.kernel(memory, memory, 1024, () => 1024, stream);
    t.equal(valuesOf(memory.read()), [1024], 'values');
  });
