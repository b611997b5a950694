/** `amdgpu-svm demo`: the guided tour. */
// The whole package, not its devices alone: the tour can be recorded.
import { BACKENDS, nativeSupport } from '../index.ts';
import type { OpenOptions } from '../index.ts';
import { ExitCode, readArguments } from './command.ts';
import type { Command } from './command.ts';
import { asicOption, backendOption, splitTrafficOption, trafficEnvironment, TRAFFIC_OPTIONS } from './options.ts';
import { runTour } from './demo-tour.ts';
import type { DemoStep } from './demo-tour.ts';
import { bold, dim, print, toJson } from './output.ts';

const OPTIONS = {
  json: { type: 'boolean', default: false },
  backend: { type: 'string' },
  asic: { type: 'string' },
  record: { type: 'string' },
  ...TRAFFIC_OPTIONS,
} as const;

export const demoCommand: Command = {
  name: 'demo',
  synopsis: '[--backend NAME] [--asic NAME] [--record FILE] [--trace[=FILE]] [--json]',
  help: `  --backend NAME   ${BACKENDS.join(', ')}; default auto
  --asic NAME      the emulated GPU; default gfx942 (see amdgpu-svm info)
  --record FILE    record the tour in the trace format
  --trace[=FILE]   also each call's ioctls, on standard error or in FILE (see amdgpu-svm run --help)
  --json           the steps as one object; the trace as JSON lines`,
  async run(args) {
    const { values } = readArguments('demo', splitTrafficOption(args), OPTIONS, false);
    const options = openOptions(values);
    Object.assign(process.env, trafficEnvironment('demo', values));
    const steps: DemoStep[] = [];
    const support = nativeSupport();
    const addon = support.available
      ? undefined
      : `the addon is absent, so real devices can't be used: ${support.reason}`;
    if (!values.json && addon !== undefined) print(dim(addon));
    await runTour(options, (step) => {
      steps.push(step);
      if (!values.json) show(step, steps.length);
    });
    if (values.json) print(toJson({ ...(addon === undefined ? {} : { addon }), steps }, 2));
    return ExitCode.ok;
  },
};

function openOptions(values: { backend?: string; asic?: string; record?: string }): OpenOptions {
  const { record } = values;
  const backend = backendOption('demo', values.backend);
  const asic = asicOption('demo', values.asic);
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(asic === undefined ? {} : { emulator: { asic } }),
    ...(record === undefined ? {} : { record }),
  };
}

function show(step: DemoStep, number: number): void {
  print();
  print(bold(`${number}. ${step.title}`));
  for (const line of step.code.split('\n')) print(dim(`   > ${line}`));
  for (const fact of step.facts) print(`   ${fact}`);
}
