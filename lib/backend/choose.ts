/** Choice of the backend, with the reasons. */
import { EmulatedDevice, EmulatedMachine, machineOf } from '../../emulator/index.ts';
import { DEFAULT_PROFILE, uapiProfile } from '../uapi/profile.ts';
import type { UapiProfile } from '../uapi/profile.ts';
import { codedError, rangeError } from '../uapi/errors.ts';
import type { Backend } from './backend.ts';
import { EmulatedBackend } from './emulated-backend.ts';
import { ffiSupport } from './ffi-library.ts';
import { FfiNode } from './ffi-node.ts';
import { ffiAccess, kernelAccess, KernelBackend } from './kernel-backend.ts';
import type { KernelAccess } from './kernel-backend.ts';
import { KernelNode } from './kernel-node.ts';
import { nativeSupport } from './native-addon.ts';
import type { OpenOptions } from './open-options.ts';
import type { DeviceRecorder } from './recording.ts';
import { listRenderNodes } from './render-nodes.ts';
import type { RenderNode, RenderNodeList } from './render-nodes.ts';

/** What was chosen, before anything listens to it. */
type Choice =
  | { readonly kind: 'kernel' | 'ffi'; readonly access: KernelAccess; readonly profile: UapiProfile }
  | { readonly kind: 'emulated'; readonly device: EmulatedDevice; readonly fallbackReason: string | undefined };

/** Opens the backend that the (resolved) options ask for. `recorder` is closed with it. */
export function chooseBackend(options: OpenOptions, recorder?: DeviceRecorder): Backend {
  const choice = choose(options);
  if (choice.kind === 'emulated') {
    const { device, fallbackReason } = choice;
    return new EmulatedBackend(device, {
      compute: options.compute,
      hazards: options.hazards,
      fallbackReason,
      recorder,
    });
  }
  const refused = onlyEmulated(options);
  if (refused !== undefined) {
    choice.access.node.close();
    throw rangeError(
      'ERR_SVM_INVALID_OPTION',
      `${refused} (the backend is "${choice.kind}"); leave it out, or say backend: "emulated"`,
    );
  }
  return new KernelBackend(choice.kind, choice.access, choice.profile, recorder);
}

/** The option that no kernel can serve, and why. */
function onlyEmulated({ hazards = 'off', compute, xnackOff }: OpenOptions): string | undefined {
  if (hazards !== 'off') return 'hazards: a kernel cannot be watched';
  if (compute !== undefined) return "compute: a kernel's VM is what it is";
  if (xnackOff !== undefined) return 'xnackOff: a kernel decides that itself';
  return undefined;
}

function choose(options: OpenOptions): Choice {
  switch (options.backend) {
    case 'emulated':
      return chooseEmulated(options, undefined);
    case 'ffi':
      return openFfi(options);
    case 'kernel':
      return openKernel(options);
    default:
      break;
  }
  // A node or an emulated device that was named is never overridden.
  if (options.node !== undefined) return openKernel(options);
  if (options.emulator instanceof EmulatedDevice) return chooseEmulated(options, undefined);
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
  return chooseEmulated(options, support.available ? why : `${why}; ${support.reason}`);
}

function isUsable(node: RenderNode, options: OpenOptions): boolean {
  if (node.svm === 'present') return true;
  return node.svm === 'unknown' && node.driver?.name === 'amdgpu' && options.profile !== undefined;
}

function openKernel(options: OpenOptions): Choice {
  const support = nativeSupport();
  if (!support.available) throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "kernel": ${support.reason}`);
  return openNode(namedOrFirstNode('kernel', listRenderNodes(), options), options);
}

function openFfi(options: OpenOptions): Choice {
  const support = ffiSupport();
  if (!support.available)
    throw codedError('ERR_SVM_BACKEND_UNAVAILABLE', `backend "ffi": ${support.reason}; install ffi-rs to use it`);
  const path = namedOrFirstNode('ffi', listRenderNodes({ open: (name) => FfiNode.open(name) }), options);
  const node = FfiNode.open(path);
  const profile = profileOfAmdgpu(node, options);
  return { kind: 'ffi', access: ffiAccess(node), profile };
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

function openNode(path: string, options: OpenOptions): Choice {
  const node = KernelNode.open(path);
  const profile = profileOfAmdgpu(node, options);
  return { kind: 'kernel', access: kernelAccess(node), profile };
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
  return uapiProfile(options.profile ?? DEFAULT_PROFILE);
}

function chooseEmulated({ emulator, profile, xnackOff }: OpenOptions, fallbackReason: string | undefined): Choice {
  if (emulator instanceof EmulatedDevice) {
    if (xnackOff === true && !machineOf(emulator).options.xnackOff)
      throw rangeError('ERR_SVM_INVALID_OPTION', 'xnackOff: the machine of that emulated device has XNACK on');
    return { kind: 'emulated', device: emulator, fallbackReason };
  }
  const machine = new EmulatedMachine({
    ...(profile === undefined ? {} : { profile }),
    ...(xnackOff === undefined ? {} : { xnackOff }),
    ...emulator,
  });
  return { kind: 'emulated', device: machine.devices[0]!, fallbackReason };
}
