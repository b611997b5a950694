/** Programs of the machine, as the commands that compile look for them. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

/** Full path of the first program that can be run; a value may be followed by arguments (CXX="ccache g++"). */
export function firstInPath(...names: readonly (string | undefined)[]): string | undefined {
  for (const name of names) {
    const program = name?.split(' ')[0];
    if (program === undefined || program === '') continue;
    const folders = isAbsolute(program)
      ? ['']
      : (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
    const found = folders.map((folder) => (folder === '' ? program : join(folder, program))).find(isExecutable);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The C++ compiler: CXX with its arguments, or the first one there is. */
export function cppCompiler(): readonly string[] | undefined {
  const program = firstInPath(process.env['CXX'], 'g++', 'c++', 'clang++');
  if (program === undefined) return undefined;
  const [named, ...args] = (process.env['CXX'] ?? '').split(' ').filter((part) => part !== '');
  return named !== undefined && program.endsWith(named) ? [program, ...args] : [program];
}

/** The line of a compiler's output that says what is wrong. */
export function firstError(output: string): string | undefined {
  return output
    .split('\n')
    .find((text) => /\berror\b[: ]/i.test(text))
    ?.trim();
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
