/** One call is one run of `amdgpu-svm`. What a run does not need is not loaded: the version needs no parser, help no command. */
import { packageVersion } from '../backend/package-root.ts';
import { ExitCode } from './command.ts';
import { complainOf } from './failure.ts';
import { print, write } from './output.ts';

async function run(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version' || name === '-V' || name === '-v') {
    print(packageVersion());
    return ExitCode.ok;
  }
  const [{ DEFINITIONS }, parser] = await Promise.all([import('./commands/index.ts'), import('./parser.ts')]);
  const all = Object.values(DEFINITIONS);
  if (name === 'help' && rest[0] !== undefined) return run([rest[0], '--help']);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    write(parser.programHelp(all));
    return name === undefined ? ExitCode.usage : ExitCode.ok;
  }
  if (!Object.hasOwn(DEFINITIONS, name)) return parser.refuseCommand(all, name);
  const command = name as keyof typeof DEFINITIONS;
  const input = parser.parseCommand(DEFINITIONS[command], rest);
  if (input === undefined) return ExitCode.ok;
  const { loadCommand } = await import('./commands.ts');
  return (await loadCommand(command))(input);
}

/** Runs `amdgpu-svm ARGS` in this process, writes to its standard output and error, and gives the exit code. */
export async function runCommand(args: readonly string[]): Promise<number> {
  try {
    return await run(args);
  } catch (error) {
    return complainOf(error);
  }
}
