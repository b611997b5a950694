/** Completion for zsh. */
import type { CommandDefinition, OptionDefinition } from '../definition.ts';
import { optionsOf, quoted, shortHelp } from './words.ts';

export function zshScript(commands: readonly CommandDefinition[]): string {
  const described = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary.replaceAll(':', '\\:')}`)}`);
  return `#compdef amdgpu-svm
# Completion of amdgpu-svm for zsh.
_amdgpu_svm() {
  local -a commands
  commands=(
${described.join('\n')}
    'help:print the help of a command'
  )
  if ((CURRENT == 2)); then
    _describe command commands
    _arguments '(-h --help)'{-h,--help}'[print the help]' '(-V --version)'{-V,--version}'[print the version]'
    return
  fi
  local command=$words[2]
  # What is after "--" belongs to another program.
  if ((\${words[(I)--]} > 2 && CURRENT > \${words[(I)--]})); then
    _files
    return
  fi
  shift words
  ((CURRENT--))
  case $command in
    help) _describe command commands ;;
${commands.map(commandCase).join('\n')}
  esac
}

# As an autoloaded function the file is the function; sourced, it registers it.
if [[ $funcstack[1] == _amdgpu_svm ]]; then _amdgpu_svm "$@"; else compdef _amdgpu_svm amdgpu-svm; fi`;
}

function commandCase(command: CommandDefinition): string {
  const { name, operands = [] } = command;
  const last =
    operands === 'files' ? ['*:file:_files'] : operands.length > 0 ? [`*:argument:(${operands.join(' ')})`] : [];
  const specifications = [...optionsOf(command).flatMap(specificationsOf), ...last];
  return `    ${name})\n      _arguments ${specifications.map((each) => `\\\n        ${quoted(each)}`).join(' ')} ;;`;
}

/** Options as `_arguments` has them; the "-" after "=" says that the value can only follow it. */
function specificationsOf([name, option]: readonly [string, OptionDefinition]): string[] {
  const { value, optional, multiple, short } = option;
  const help = shortHelp(option).replaceAll(/[[\]:\\]/g, '\\$&');
  const repeated = multiple === true ? '*' : '';
  const tail =
    value === undefined
      ? ''
      : `${optional === true ? '::' : ':'}${value.replaceAll(/[:\\]/g, '\\$&')}:${completionOf(option)}`;
  const equals = value === undefined ? '' : optional === true ? '=-' : '=';
  const long = `${repeated}--${name}${equals}[${help}]${tail}`;
  return short === undefined ? [long] : [long, `${repeated}-${short}[${help}]${tail}`];
}

function completionOf({ choices, completes }: OptionDefinition): string {
  if (choices !== undefined) return `(${choices.join(' ')})`;
  return completes === 'files' ? '_files' : completes === 'folders' ? '_files -/' : ' ';
}
