/** Choice of the backend, with the reasons. */
import { EmulatedDevice, EmulatedMachine, machineOf } from '../../emulator/index.ts';
import type { EmulatedNode, MachineOptions } from '../../emulator/index.ts';
import { UAPI_PROFILES, uapiProfile } from '../uapi/profile.ts';
import type { UapiProfile, UapiProfileName } from '../uapi/profile.ts';
import { codedError, rangeError, show, typeError } from '../uapi/errors.ts';
import { ffiSupport } from './ffi-library.ts';
import { FfiNode } from './ffi-node.ts';
import { HAZARD_MODES } from './hazard-watch.ts';
import type { HazardMode } from './hazard-watch.ts';
import { KernelNode } from './kernel-node.ts';
import { nativeSupport } from './native-addon.ts';
import { listRenderNodes } from './render-nodes.ts';
import type { RenderNode, RenderNodeList } from './render-nodes.ts';

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
  /** Path of a render node; implies the kernel backend unless 'ffi' is asked for. Environment: AMDGPU_SVM_NODE. */
  readonly node?: string;
  /** Revision of the user ABI. Say 'v4' where the kernel's symbol table can't tell. */
  readonly profile?: UapiProfileName;
  /** The emulated machine to make, or a device of one that exists already. */
  readonly emulator?: MachineOptions | EmulatedDevice;
  /** File to record to, in the trace format. Environment: AMDGPU_SVM_RECORD. */
  readonly record?: string;
  /**
   * Emulated backend: false leaves the GPU address space as a graphics program opens it, so that the first ioctl
   * makes the SVM context and no fault reaches it (spec/06-lifecycle §2, Q04). Default true: as a ROCm runtime makes it.
   */
  readonly compute?: boolean;
  /**
   * Watches the emulated machine for the defects of the catalogue (docs/hazards.md): 'report' them, or 'throw'
   * `HazardError` from the operation that caused one. Default 'off'. Only the emulated backend can be watched.
   */
  readonly hazards?: HazardMode;
}

/** What was chosen. */
export type ChosenBackend =
  | {
      readonly backend: 'kernel';
      readonly node: KernelNode;
      readonly profile: UapiProfile;
      readonly fallbackReason: undefined;
    }
  | {
      readonly backend: 'ffi';
      readonly node: FfiNode;
      readonly profile: UapiProfile;
      readonly fallbackReason: undefined;
    }
  | {
      readonly backend: 'emulated';
      readonly node: EmulatedNode;
      readonly machine: EmulatedMachine;
      readonly device: EmulatedDevice;
      readonly profile: UapiProfile;
      readonly fallbackReason: string | undefined;
    };

const OPTION_NAMES = ['backend', 'node', 'profile', 'emulator', 'record', 'compute', 'hazards'];

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
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `${source}: expected one of ${BACKENDS.join(', ')}, got ${show(backend)}`,
    );
  }
  for (const [name, value] of [
    ['node', node],
    ['record', record],
  ] as const) {
    if (value !== undefined && (typeof value !== 'string' || value === '')) {
      throw typeError('ERR_SVM_INVALID_OPTION', `${name}: expected a path, got ${show(value)}`);
    }
  }
  if (options.profile !== undefined && !Object.hasOwn(UAPI_PROFILES, options.profile)) {
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `profile: expected one of ${Object.keys(UAPI_PROFILES).join(', ')}, got ${show(options.profile)}`,
    );
  }
  if (options.node !== undefined && backend === 'emulated') {
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      'node: the emulated backend has no render node; leave out node, or say backend: "kernel"',
    );
  }
  if (options.hazards !== undefined && !(HAZARD_MODES as readonly unknown[]).includes(options.hazards)) {
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `hazards: expected one of ${HAZARD_MODES.join(', ')}, got ${show(options.hazards)}`,
    );
  }
  if (options.compute !== undefined && typeof options.compute !== 'boolean') {
    throw typeError('ERR_SVM_INVALID_OPTION', `compute: expected true or false, got ${show(options.compute)}`);
  }
  return {
    ...(options.hazards === undefined ? {} : { hazards: options.hazards }),
    ...(options.compute === undefined ? {} : { compute: options.compute }),
    backend: backend as BackendName,
    ...(node === undefined || backend === 'emulated' ? {} : { node }),
    ...(record === undefined ? {} : { record }),
    ...(options.profile === undefined ? {} : { profile: options.profile }),
    ...(options.emulator === undefined ? {} : { emulator: options.emulator }),
  };
}

/** Opens the backend that the (resolved) options ask for. */
export function chooseBackend(options: OpenOptions): ChosenBackend {
  const chosen = openChosen(options);
  if (chosen.backend === 'emulated') return chosen;
  const only =
    (options.hazards ?? 'off') !== 'off'
      ? "hazards: a kernel can't be watched"
      : options.compute !== undefined
        ? "compute: a kernel's VM is what it is"
        : undefined;
  if (only === undefined) return chosen;
  chosen.node.close();
  throw rangeError(
    'ERR_SVM_INVALID_OPTION',
    `${only} (the backend is "${chosen.backend}"); leave it out, or say backend: "emulated"`,
  );
}

function openChosen(options: OpenOptions): ChosenBackend {
  switch (options.backend) {
    case 'emulated':
      return openEmulated(options, undefined);
    case 'ffi':
      return openFfi(options);
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
  return openNode(namedOrFirstNode('kernel', listRenderNodes(), options), options);
}

function openFfi(options: OpenOptions): ChosenBackend {
  const support = ffiSupport();
  if (!support.available)
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "ffi": ${support.reason}; install ffi-rs to use it`);
  const path = namedOrFirstNode('ffi', listRenderNodes({ open: (name) => FfiNode.open(name) }), options);
  const node = FfiNode.open(path);
  return { backend: 'ffi', node, profile: profileOfAmdgpu(node, options), fallbackReason: undefined };
}

/** The node that the options name, or the first one of amdgpu with the ioctl; throws with the reasons if there is none. */
function namedOrFirstNode(backend: 'kernel' | 'ffi', { nodes, reason }: RenderNodeList, options: OpenOptions): string {
  if (options.node === undefined) {
    const usable = nodes.find((node) => isUsable(node, options));
    if (usable !== undefined) return usable.path;
    const why = nodes.length === 0 ? reason : nodes.map((node) => `${node.path}: ${node.reason}`).join('; ');
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "${backend}": no render node with the SVM ioctl - ${why}`);
  }
  const listed = nodes.find((node) => node.path === options.node);
  if (listed !== undefined && !isUsable(listed, options)) {
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `node ${listed.path}: ${listed.reason}`);
  }
  return options.node;
}

function openNode(path: string, options: OpenOptions): ChosenBackend {
  const node = KernelNode.open(path);
  return { backend: 'kernel', node, profile: profileOfAmdgpu(node, options), fallbackReason: undefined };
}

/** The driver must be amdgpu, else the node is closed; which the SVM ioctl is, the profile says. */
function profileOfAmdgpu(node: KernelNode | FfiNode, options: OpenOptions): UapiProfile {
  const driver = node.driverVersion();
  if (typeof driver === 'number' || driver.name !== 'amdgpu') {
    node.close();
    const what =
      typeof driver === 'number' ? `DRM_IOCTL_VERSION failed with errno ${-driver}` : `the driver is ${driver.name}`;
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `node ${node.path}: no render node of amdgpu: ${what}`);
  }
  return uapiProfile(options.profile ?? 'v4');
}

function openEmulated(options: OpenOptions, fallbackReason: string | undefined): ChosenBackend {
  const { emulator, profile, compute } = options;
  let device: EmulatedDevice;
  if (emulator instanceof EmulatedDevice) {
    device = emulator;
  } else {
    const machine = new EmulatedMachine({ ...(profile === undefined ? {} : { profile }), ...emulator });
    device = machine.devices[0]!;
  }
  const machine = machineOf(device);
  return {
    backend: 'emulated',
    node: device.open(compute === undefined ? {} : { compute }),
    machine,
    device,
    profile: uapiProfile(machine.options.profile),
    fallbackReason,
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}
