/** Completion for bash. */
import type { CommandDefinition, OptionDefinition } from '../definition.ts';
import { optionsOf, quoted } from './words.ts';

export function bashScript(commands: readonly CommandDefinition[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  return `# Completion of amdgpu-svm for bash.
_amdgpu_svm() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} option= words= kind=words at
  COMPREPLY=()
  # bash takes "--option=value" for three words.
  if [[ $current == = ]]; then
    option=$previous= current=
  elif [[ $previous == = ]]; then
    option=\${COMP_WORDS[COMP_CWORD - 2]}=
  elif [[ $previous == -?* ]]; then
    option=$previous
  fi
  if ((COMP_CWORD == 1)); then
    words='${names} help --help --version'
  else
    # What is after "--" belongs to another program.
    for ((at = 2; at < COMP_CWORD; at++)); do [[ \${COMP_WORDS[at]} == -- ]] && option='--'; done
    case "\${COMP_WORDS[1]} $option" in
      help\\ *) words='${names}' ;;
      *\\ --) kind=files ;;
${commands.flatMap(valueCases).join('\n')}
      *) _amdgpu_svm_operands ;;
    esac
  fi
  case $kind in
    words) mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current") ;;
    files) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$current") ;;
    folders) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current") ;;
  esac
}

_amdgpu_svm_operands() {
  case "\${COMP_WORDS[1]} $current" in
${commands.map(operandCase).join('\n')}
  esac
}

complete -F _amdgpu_svm amdgpu-svm`;
}

/** What follows an option that has a value. */
function valueCases(command: CommandDefinition): string[] {
  return optionsOf(command).flatMap(([name, option]) => {
    if (option.value === undefined) return [];
    const written = [`--${name}=`, ...(option.optional === true ? [] : [`--${name}`, ...shortOf(option)])];
    return `      ${written.map((each) => quoted(`${command.name} ${each}`)).join(' | ')}) ${completionOf(option)} ;;`;
  });
}

function shortOf({ short }: OptionDefinition): string[] {
  return short === undefined ? [] : [`-${short}`];
}

function completionOf({ choices, completes }: OptionDefinition): string {
  if (choices !== undefined) return `words=${quoted(choices.join(' '))}`;
  return `kind=${completes ?? 'none'}`;
}

/** What is at the place of an option or an operand. */
function operandCase(command: CommandDefinition): string {
  const { name, operands = [], program } = command;
  const options = optionsOf(command).flatMap(([option, each]) => [`--${option}`, ...shortOf(each)]);
  const words = [...options, ...(program === true ? ['--'] : [])].join(' ');
  return [
    `    ${name}\\ -*) words=${quoted(words)} ;;`,
    `    ${name}\\ *) ${operands === 'files' ? 'kind=files' : `words=${quoted(operands.join(' '))}`} ;;`,
  ].join('\n');
}
