/** The option `--trace[=FILE]`, and the environment that it stands for (lib/device/traffic-output.ts). */
import { openSync, closeSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from './usage-error.ts';

/** For parseArgs, behind `splitTrafficOption`. */
export const TRAFFIC_OPTIONS = {
  trace: { type: 'boolean', default: false },
  'trace-file': { type: 'string' },
} as const;

/** parseArgs has no options with an optional value: `--trace=FILE` becomes `--trace-file FILE`. */
export function splitTrafficOption(args: readonly string[]): string[] {
  return args.flatMap((each) =>
    each.startsWith('--trace=') ? ['--trace-file', each.slice('--trace='.length)] : [each],
  );
}

/** The environment that makes runtimes and devices write their traffic; undefined without the option. A file is emptied. */
export function trafficEnvironment(
  command: string,
  values: { trace: boolean; 'trace-file'?: string; json: boolean },
): Record<string, string> | undefined {
  const { trace, 'trace-file': file, json } = values;
  if (file === '') throw new UsageError(`${command}: --trace=FILE: the name of the file is missing`);
  if (file === undefined) return trace ? { AMDGPU_SVM_TRACE: json ? 'json' : '1' } : undefined;
  const path = resolve(file);
  // With "%p" the names are not known yet.
  if (!path.includes('%p')) closeSync(openSync(path, 'w'));
  return { AMDGPU_SVM_TRACE: json ? `json:${path}` : path };
}
