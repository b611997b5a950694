/** `amdgpu-svm demo`: the guided tour. */
import { resolve } from 'node:path';
// The whole package, not its devices alone: the tour can be recorded.
import { nativeSupport } from '../index.ts';
import type { OpenOptions } from '../index.ts';
import { ExitCode } from './command.ts';
import type { demo } from './commands/machines.ts';
import type { InputOf } from './definition.ts';
import { trafficEnvironment } from './options.ts';
import { prepareRecording } from './record.ts';
import { runTour } from './demo-tour.ts';
import type { DemoStep } from './demo-tour.ts';
import { bold, dim, print, toJson } from './output.ts';

export async function runDemo({ values }: InputOf<typeof demo>): Promise<ExitCode> {
  const { backend, asic, record } = values;
  const options: OpenOptions = {
    ...(backend === undefined ? {} : { backend }),
    ...(asic === undefined ? {} : { emulator: { asic } }),
    ...(record === undefined ? {} : { record }),
  };
  if (record !== undefined) prepareRecording(resolve(record));
  Object.assign(process.env, trafficEnvironment(values));
  const steps: DemoStep[] = [];
  const support = nativeSupport();
  const addon = support.available ? undefined : `the addon is absent, so real devices can't be used: ${support.reason}`;
  if (!values.json && addon !== undefined) print(dim(addon));
  await runTour(options, (step) => {
    steps.push(step);
    if (!values.json) show(step, steps.length);
  });
  if (values.json) print(toJson({ ...(addon === undefined ? {} : { addon }), steps }, 2));
  return ExitCode.ok;
}

function show(step: DemoStep, number: number): void {
  print();
  print(bold(`${number}. ${step.title}`));
  for (const line of step.code.split('\n')) print(dim(`   > ${line}`));
  for (const fact of step.facts) print(`   ${fact}`);
}
