/** `amdgpu-svm completion SHELL`: a script with all commands and options in it, so that completing starts no program. */
import { ExitCode, UsageError } from './command.ts';
import { DEFINITIONS } from './commands/index.ts';
import { SHELLS } from './commands/machines.ts';
import type { completion } from './commands/machines.ts';
import { bashScript } from './completion/bash.ts';
import { fishScript } from './completion/fish.ts';
import { zshScript } from './completion/zsh.ts';
import type { InputOf } from './definition.ts';
import { print } from './output.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } satisfies Record<
  (typeof SHELLS)[number],
  unknown
>;

export function runCompletion({ operands }: InputOf<typeof completion>): ExitCode {
  const shell = SHELLS.find((each) => each === operands[0]);
  if (shell === undefined || operands.length > 1) {
    const got = operands.length === 0 ? 'nothing' : `"${operands.join(' ')}"`;
    throw new UsageError(`completion: expected one of ${SHELLS.join(', ')}, got ${got}`);
  }
  print(SCRIPTS[shell](Object.values(DEFINITIONS)));
  return ExitCode.ok;
}
