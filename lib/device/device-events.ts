/** The stream of events of one open device: those of its emulated machine, or the ioctls on a kernel. */
import { EVENT_NAMES } from '../../emulator/index.ts';
import type { EventListener, EventMap, EventName, MachineEvent } from '../../emulator/index.ts';
import type { BackendEvents } from '../backend/backend.ts';
import { assertFunction, codedError, rangeError, show } from '../uapi/errors.ts';
import type { SvmCallEvent } from '../uapi/call.ts';

/** Where the events of a device come from. */
export interface DeviceEventSource {
  /** What the driver says in addition to the ioctls. */
  readonly backend: BackendEvents | undefined;
  /** The ioctls of the device, as it sees them itself. */
  observe(listener: (call: SvmCallEvent) => void): () => void;
}

/** Listens to events of one name; the returned function stops it. */
export function onDeviceEvent<Name extends EventName>(
  source: DeviceEventSource,
  name: Name,
  listener: EventListener<Name>,
): () => void {
  assertFunction('listener', listener);
  if (!EVENT_NAMES.includes(name)) {
    throw rangeError('ERR_SVM_INVALID_VALUE', `event: unknown event ${show(name)}; known: ${EVENT_NAMES.join(', ')}`);
  }
  if (source.backend !== undefined) return source.backend.on(name, listener);
  if (name !== 'ioctl') {
    throw codedError(
      'ERR_SVM_NOT_AVAILABLE',
      `event "${name}": a kernel shows only its ioctls; use the emulated backend`,
    );
  }
  return source.observe((call) => (listener as EventListener<'ioctl'>)(ioctlEvent(call)));
}

/** As `onDeviceEvent`, with one listener for all names that the backend has, or for some. `time` is 0 on a kernel. */
export function onAnyDeviceEvent(
  source: DeviceEventSource,
  listener: (event: MachineEvent) => void,
  names: readonly EventName[] = EVENT_NAMES,
): () => void {
  assertFunction('listener', listener);
  if (source.backend !== undefined) return source.backend.onAny(listener, names);
  return names.includes('ioctl')
    ? source.observe((call) => listener({ name: 'ioctl', time: 0, event: ioctlEvent(call) }))
    : () => undefined;
}

function ioctlEvent(call: SvmCallEvent): EventMap['ioctl'] {
  const { operation, address, size, attributes, result } = call;
  return {
    device: 0,
    operation,
    address,
    size,
    attributeCount: attributes.length,
    attributes: attributes.map(({ type, value }) => [type, value] as const),
    result,
  };
}
