/** Choice of the backend, with the reasons (design §1). */
import { EmulatedDevice, EmulatedMachine, machineOf } from '../../emulator/index.ts';
import type { EmulatedNode, MachineOptions } from '../../emulator/index.ts';
import { UAPI_PROFILES, uapiProfile } from '../uapi/profile.ts';
import type { UapiProfile, UapiProfileName } from '../uapi/profile.ts';
import { codedError, rangeError, show, typeError } from './errors.ts';
import { KernelNode } from './kernel-node.ts';
import { nativeSupport } from './native-addon.ts';
import { listRenderNodes } from './render-nodes.ts';
import type { RenderNode } from './render-nodes.ts';

export const BACKENDS = ['auto', 'kernel', 'ffi', 'emulated'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** Options of `SvmDevice.open`. */
export interface OpenOptions {
  /**
   * 'auto' (default): the first render node with amdgpu and the SVM ioctl, else the
   * emulator. Any other value fails instead of falling back. Environment:
   * AMDGPU_SVM_BACKEND.
   */
  readonly backend?: BackendName;
  /** Path of a render node; implies the kernel backend. Environment: AMDGPU_SVM_NODE. */
  readonly node?: string;
  /** Revision of the user ABI. Say 'v4' where the kernel's symbol table can't tell. */
  readonly profile?: UapiProfileName;
  /** The emulated machine to make, or a device of one that exists already. */
  readonly emulator?: MachineOptions | EmulatedDevice;
  /** File to record to, in the trace format. Environment: AMDGPU_SVM_RECORD. */
  readonly record?: string;
}

/** What was chosen. */
export type ChosenBackend =
  | { readonly backend: 'kernel'; readonly node: KernelNode; readonly profile: UapiProfile; readonly fallbackReason: undefined }
  | {
      readonly backend: 'emulated';
      readonly node: EmulatedNode;
      readonly machine: EmulatedMachine;
      readonly device: EmulatedDevice;
      readonly profile: UapiProfile;
      readonly fallbackReason: string | undefined;
    };

const OPTION_NAMES = ['backend', 'node', 'profile', 'emulator', 'record'];

/** Checks the options and fills in the environment; throws TypeError or RangeError (`ERR_SVM_INVALID_OPTION`). */
export function resolveOpenOptions(options: OpenOptions, environment: NodeJS.ProcessEnv): OpenOptions {
  if (typeof options !== 'object' || options === null) {
    throw typeError('ERR_SVM_INVALID_OPTION', `options: expected an object, got ${show(options)}`);
  }
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) {
      throw typeError('ERR_SVM_INVALID_OPTION', `options.${name}: unknown option; known: ${OPTION_NAMES.join(', ')}`);
    }
  }
  const node = options.node ?? nonEmpty(environment['AMDGPU_SVM_NODE']);
  const record = options.record ?? nonEmpty(environment['AMDGPU_SVM_RECORD']);
  const backend = options.backend ?? nonEmpty(environment['AMDGPU_SVM_BACKEND']) ?? 'auto';
  const source = options.backend === undefined ? 'AMDGPU_SVM_BACKEND' : 'backend';
  if (!(BACKENDS as readonly unknown[]).includes(backend)) {
    throw rangeError('ERR_SVM_INVALID_OPTION', `${source}: expected one of ${BACKENDS.join(', ')}, got ${show(backend)}`);
  }
  for (const [name, value] of [['node', node], ['record', record]] as const) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw typeError('ERR_SVM_INVALID_OPTION', `${name}: expected a path, got ${show(value)}`);
    }
  }
  if (options.profile !== undefined && !Object.hasOwn(UAPI_PROFILES, options.profile)) {
    throw rangeError('ERR_SVM_INVALID_OPTION', `profile: expected one of ${Object.keys(UAPI_PROFILES).join(', ')}, got ${show(options.profile)}`);
  }
  if (options.node !== undefined && backend === 'emulated') {
    throw rangeError('ERR_SVM_INVALID_OPTION', 'node: the emulated backend has no render node; leave out node, or say backend: "kernel"');
  }
  return {
    backend: backend as BackendName,
    ...(node === undefined || backend === 'emulated' ? {} : { node }),
    ...(record === undefined ? {} : { record }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.emulator === undefined ? {} : { emulator: options.emulator }),
  };
}

/** Opens the backend that the (resolved) options ask for. */
export function chooseBackend(options: OpenOptions): ChosenBackend {
  switch (options.backend) {
    case 'emulated':
      return openEmulated(options, undefined);
    case 'ffi':
      throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', 'backend: "ffi" is not available yet in this version; use "kernel", "emulated" or "auto"');
    case 'kernel':
      return openKernel(options);
    default:
      break;
  }
  // Who names a node wants that node, and who hands over an emulated device wants that device.
  if (options.node !== undefined) return openKernel(options);
  if (options.emulator instanceof EmulatedDevice) return openEmulated(options, undefined);
  const { nodes, reason } = listRenderNodes();
  const refusals: string[] = [];
  for (const node of nodes) {
    if (!isUsable(node, options)) {
      refusals.push(`${node.path}: ${node.reason}`);
      continue;
    }
    try {
      return openNode(node.path, options);
    } catch (error) {
      refusals.push(`${node.path}: ${(error as Error).message}`);
    }
  }
  const why = nodes.length === 0 ? reason : refusals.join('; ');
  const support = nativeSupport();
  return openEmulated(options, support.available ? why : `${why}; ${support.reason}`);
}

function isUsable(node: RenderNode, options: OpenOptions): boolean {
  if (node.svm === 'present') return true;
  return node.svm === 'unknown' && node.driver?.name === 'amdgpu' && options.profile !== undefined;
}

function openKernel(options: OpenOptions): ChosenBackend {
  const support = nativeSupport();
  if (!support.available) throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "kernel": ${support.reason}`);
  if (options.node === undefined) {
    const { nodes, reason } = listRenderNodes();
    const usable = nodes.find((node) => isUsable(node, options));
    if (usable !== undefined) return openNode(usable.path, options);
    const why = nodes.length === 0 ? reason : nodes.map((node) => `${node.path}: ${node.reason}`).join('; ');
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "kernel": no render node with the SVM ioctl - ${why}`);
  }
  const listed = listRenderNodes().nodes.find((node) => node.path === options.node);
  if (listed !== undefined && !isUsable(listed, options)) {
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `node ${listed.path}: ${listed.reason}`);
  }
  return openNode(options.node, options);
}

/** Opens a node whose driver must be amdgpu; which the SVM ioctl is, the profile says. */
function openNode(path: string, options: OpenOptions): ChosenBackend {
  const node = KernelNode.open(path);
  const driver = node.driverVersion();
  if (typeof driver === 'number' || driver.name !== 'amdgpu') {
    node.close();
    const what = typeof driver === 'number' ? `DRM_IOCTL_VERSION failed with errno ${-driver}` : `the driver is ${driver.name}`;
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `node ${path}: no render node of amdgpu: ${what}`);
  }
  return { backend: 'kernel', node, profile: uapiProfile(options.profile ?? 'v4'), fallbackReason: undefined };
}

function openEmulated(options: OpenOptions, fallbackReason: string | undefined): ChosenBackend {
  const { emulator, profile } = options;
  let device: EmulatedDevice;
  if (emulator instanceof EmulatedDevice) {
    device = emulator;
  } else {
    const machine = new EmulatedMachine({ ...(profile === undefined ? {} : { profile }), ...emulator });
    device = machine.devices[0]!;
  }
  const machine = machineOf(device);
  return { backend: 'emulated', node: device.open(), machine, device, profile: uapiProfile(machine.options.profile), fallbackReason };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
