/** Completion for fish. */
import type { CommandDefinition, OptionDefinition } from '../definition.ts';
import { optionsOf, shortHelp } from './words.ts';

/** Text between single quotes, as fish reads it. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, '\\$&')}'`;
}

export function fishScript(commands: readonly CommandDefinition[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completion of amdgpu-svm for fish.
function __amdgpu_svm_is
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]; and not contains -- -- $words
end

function __amdgpu_svm_none
    test (count (commandline -opc)) -eq 1
end

function __amdgpu_svm_program
    contains -- -- (commandline -opc)
end

complete -c amdgpu-svm -f
complete -c amdgpu-svm -n __amdgpu_svm_program -F
complete -c amdgpu-svm -n __amdgpu_svm_none -s h -l help -d 'print the help'
complete -c amdgpu-svm -n __amdgpu_svm_none -s V -l version -d 'print the version'
complete -c amdgpu-svm -n __amdgpu_svm_none -a help -d 'print the help of a command'
complete -c amdgpu-svm -n '__amdgpu_svm_is help' -a '${names}'
${commands.flatMap(linesOf).join('\n')}`;
}

function linesOf(command: CommandDefinition): string[] {
  const { name, summary, operands = [] } = command;
  const here = `complete -c amdgpu-svm -n '__amdgpu_svm_is ${name}'`;
  return [
    `complete -c amdgpu-svm -n __amdgpu_svm_none -a ${name} -d ${quoted(summary)}`,
    ...(operands === 'files'
      ? [`${here} -F`]
      : operands.length > 0
        ? [`${here} -a ${quoted(operands.join(' '))}`]
        : []),
    ...optionsOf(command).map(([option, each]) => `${here} ${optionText(option, each)}`),
  ];
}

function optionText(name: string, option: OptionDefinition): string {
  const { value, optional, short, choices, completes } = option;
  const names = short === undefined ? `-l ${name}` : `-s ${short} -l ${name}`;
  // An optional value follows "=", and fish completes it there without being told that it must be.
  const needs = value === undefined ? '' : optional === true ? '' : completes === undefined ? ' -x' : ' -r -F';
  const words = choices === undefined ? '' : ` -a ${quoted(choices.join(' '))}`;
  return `${names}${needs}${words} -d ${quoted(shortHelp(option))}`;
}
