/** `amdgpu-svm info`: the render nodes of this machine and what each can do, and the emulated devices. */
import { EmulatedMachine, formatGcVersion, GPU_CATALOGUE } from '../device/emulated.ts';
import type { AsicName } from '../device/emulated.ts';
import { listRenderNodes, nativeSupport, SvmDevice } from '../device/index.ts';
import { UAPI_PROFILES } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import { ExitCode } from './command.ts';
import type { info as infoDefinition } from './commands/machines.ts';
import type { InputOf } from './definition.ts';
import { describeNodes, kernelRelease, nodeLines } from './info-nodes.ts';
import type { NodeInfo } from './info-nodes.ts';
import { bold, print, table, toJson } from './output.ts';

export function runInfo({ values }: InputOf<typeof infoDefinition>): ExitCode {
  const facts = collect();
  if (values.json) print(toJson(facts, 2));
  else show(facts);
  return ExitCode.ok;
}

interface Info {
  readonly addon: { readonly available: boolean; readonly reason: string };
  readonly kernel: string;
  readonly renderNodes: readonly NodeInfo[];
  readonly renderNodesReason: string;
  readonly auto: { readonly backend: string; readonly path: string; readonly reason: string | undefined };
  readonly emulated: readonly {
    readonly asic: string;
    readonly product: string;
    readonly gc: string;
    readonly svm: boolean;
    readonly reason: string;
    /** Whether it has SVM, by the revision of the driver. */
    readonly profiles: Readonly<Record<UapiProfileName, boolean>>;
  }[];
  readonly emulatedNotes: readonly string[];
}

function collect(): Info {
  const { available, reason } = nativeSupport();
  const list = listRenderNodes();
  return {
    addon: { available, reason },
    kernel: kernelRelease(),
    renderNodes: describeNodes(list.nodes),
    renderNodesReason: list.reason,
    auto: automaticChoice(),
    emulated: (Object.keys(GPU_CATALOGUE) as AsicName[]).map(emulatedDevice),
    emulatedNotes: NOTES,
  };
}

const PROFILES = Object.keys(UAPI_PROFILES) as UapiProfileName[];

/** What a profile means for the emulated devices, next to the table. */
const NOTES = [
  'v8: taken as booted with amdgpu.noretry=0. The default on current kernels is 1, with which v8 has SVM on no GPU; the option noretry: true gives that machine.',
  'v7-xnack-off: GPUs without retry faults have SVM, too; the option xnackOff: true switches them off on the others.',
];

/** What `SvmDevice.open()` gives here; a refusal is an answer too. */
function automaticChoice(): Info['auto'] {
  try {
    // The environment may ask for a recording or a trace; looking must not write one.
    const device = withoutSideEffects(() => SvmDevice.open());
    const auto = { backend: device.backend, path: device.path, reason: device.fallbackReason };
    device.close();
    return auto;
  } catch (error) {
    return { backend: 'none', path: '', reason: (error as Error).message };
  }
}

function withoutSideEffects<T>(action: () => T): T {
  const names = ['AMDGPU_SVM_RECORD', 'AMDGPU_SVM_TRACE'];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  try {
    return action();
  } finally {
    for (const [name, value] of before) if (value !== undefined) process.env[name] = value;
  }
}

function emulatedDevice(asic: AsicName): Info['emulated'][number] {
  const model = GPU_CATALOGUE[asic];
  const svm = new EmulatedMachine({ asic }).devices[0]!.xnackEnabled;
  const profiles = Object.fromEntries(PROFILES.map((profile) => [profile, hasSvm(asic, profile)]));
  return {
    asic,
    product: model.product,
    gc: formatGcVersion(model.gc),
    svm,
    reason: svm
      ? 'retry faults are on'
      : model.noretry
        ? 'retry faults are off by default (amdgpu.noretry)'
        : 'this generation has no retry faults for compute',
    profiles: profiles as Record<UapiProfileName, boolean>,
  };
}

/** Whether a file of such a machine gets an SVM context. */
function hasSvm(asic: AsicName, profile: UapiProfileName): boolean {
  return new EmulatedMachine({ asic, profile }).devices[0]!.openFile().context !== null;
}

function show(info: Info): void {
  print(bold('Render nodes'));
  if (info.renderNodes.length === 0) print(`  none: ${info.renderNodesReason}`);
  for (const node of info.renderNodes) for (const line of nodeLines(node)) print(`  ${line}`);
  print(`  kernel: ${info.kernel}`);
  print(`  addon: ${info.addon.available ? 'loaded' : 'absent'}: ${info.addon.reason}`);
  print();
  print(bold('SvmDevice.open() gives'));
  print(
    `  ${info.auto.backend}${info.auto.path === '' ? '' : ` (${info.auto.path})`}${info.auto.reason === undefined ? '' : `: ${info.auto.reason}`}`,
  );
  print();
  print(bold('Emulated devices'));
  const rows = info.emulated.map((device) => [
    device.asic,
    device.product,
    device.gc,
    ...PROFILES.map((profile) => (device.profiles[profile] ? 'yes' : 'no')),
    device.reason,
  ]);
  print('  SVM by the revision of the driver, and why that of v4');
  for (const line of table([['asic', 'product', 'GC', ...PROFILES, 'why'], ...rows])) print(`  ${line}`);
  for (const note of info.emulatedNotes) print(`  ${note}`);
}
