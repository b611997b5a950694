/** What options mean that several commands have: checks that look at more than one of them, and what they become. */
import { closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import { repairsArgument, repairsOfText, xnackOffRefusal } from '../device/emulated.ts';
import { DEFAULT_PROFILE, isProfileName } from '../uapi/profile.ts';
import type { UapiProfileName } from '../uapi/profile.ts';
import type { ReadOptions } from '../trace/format/read-trace.ts';
import { UsageError, writing } from './command.ts';
import { DEFAULT_TIMEOUT } from './commands/shared.ts';

/** The profile of the option, else of the environment; undefined for a name that is none, which the device refuses. */
function profileAsked(profile: UapiProfileName | undefined): UapiProfileName | undefined {
  const named = profile ?? (process.env['AMDGPU_SVM_PROFILE'] || DEFAULT_PROFILE);
  return isProfileName(named) ? named : undefined;
}

/** `--xnack-off`; throws `UsageError` where the profile, that of the environment if none is given, has no mode for it. */
export function xnackOffOption(
  command: string,
  xnackOff: boolean,
  profile: UapiProfileName | undefined,
): { xnackOff?: true } {
  if (!xnackOff) return {};
  const named = profileAsked(profile);
  const refusal = named === undefined ? undefined : xnackOffRefusal(named);
  if (refusal !== undefined) throw new UsageError(`${command}: --xnack-off: ${refusal}`);
  return { xnackOff: true };
}

/** `--repairs`; throws `UsageError` for what is none of the profile, that of the environment if none is given. */
export function repairsOption(
  command: string,
  text: string | undefined,
  profile: UapiProfileName | undefined,
): { repairs?: 'all' | readonly string[] } {
  if (text === undefined) return {};
  const repairs = repairsOfText(text);
  const named = profileAsked(profile);
  try {
    if (named !== undefined) repairsArgument(named, repairs);
  } catch (error) {
    throw new UsageError(`${command}: --${(error as Error).message}`);
  }
  return { repairs };
}

/** What `--max-size` says to readers of traces. */
export function readOptions({ 'max-size': maxSize }: { readonly 'max-size'?: number }): ReadOptions {
  return maxSize === undefined ? {} : { maxSize };
}

/** The environment that makes runtimes and devices write their traffic; undefined without `--trace`. A file is emptied. */
export function trafficEnvironment({
  trace,
  json,
}: {
  readonly trace?: string | true;
  readonly json: boolean;
}): Record<string, string> | undefined {
  if (trace === undefined) return undefined;
  if (trace === true) return { AMDGPU_SVM_TRACE: json ? 'json' : '1' };
  const path = resolve(trace);
  // With "%p" the names are not known yet.
  if (!path.includes('%p')) writing(trace, () => closeSync(openSync(path, 'w')));
  return { AMDGPU_SVM_TRACE: json ? `json:${path}` : path };
}

/** `--timeout`, which needs `--against`; milliseconds. */
export function timeoutOption(
  command: string,
  { against, timeout }: { readonly against?: string; readonly timeout?: number },
): number {
  if (timeout !== undefined && against === undefined) throw new UsageError(`${command}: --timeout goes with --against`);
  return timeout ?? DEFAULT_TIMEOUT;
}
