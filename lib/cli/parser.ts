/** Reads the command line, with commander: the definitions of the commands become its commands and options. */
import { Command, CommanderError, Help, Option } from 'commander';
import { EXIT_CODES, UsageError } from './command.ts';
import type { CommandDefinition, CommandInput, OptionDefinition } from './definition.ts';
import { bold, write } from './output.ts';

/** What commander gets for an option whose value was left out: no argument of a process can hold it. */
const LEFT_OUT = '\0';

const PROGRAM = 'amdgpu-svm';
const HELP_OPTION = 'print this text';

/** Reads the arguments after the name of a command. Undefined: help was asked for, and written. Throws `UsageError`. */
export function parseCommand(definition: CommandDefinition, args: readonly string[]): CommandInput | undefined {
  const separator = definition.program === true ? args.indexOf('--') : -1;
  const own = separator < 0 ? args : args.slice(0, separator);
  const command = commandOf(definition);
  try {
    command.parse(withMarkedOptions(definition, own), { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.code === 'commander.helpDisplayed') return undefined;
    throw usageError(error, definition.name);
  }
  if (definition.operands === undefined && command.args.length > 0)
    throw new UsageError(
      `${definition.name}: unexpected argument "${command.args[0]}"; ${definition.program === true ? 'a COMMAND is said after --' : seeHelp(definition.name)}`,
    );
  return {
    values: valuesOf(definition, command),
    operands: command.args,
    program: separator < 0 ? undefined : args.slice(separator + 1),
  };
}

/** The help of the whole program. */
export function programHelp(definitions: readonly CommandDefinition[]): string {
  return `${programOf(definitions).helpInformation()}\n${wrapped(EXIT_CODES)}\n\n"${PROGRAM} help COMMAND" tells more of one.\n`;
}

/** Says that there is no such command or option before it, and which one was meant. Throws `UsageError`. */
export function refuseCommand(definitions: readonly CommandDefinition[], name: string): never {
  let complaint = '';
  try {
    programOf(definitions).parse([name], { from: 'user' });
  } catch (error) {
    complaint = (usageError(error, undefined) as Error).message;
  }
  if (complaint.includes('did you mean') || name.startsWith('-')) throw new UsageError(complaint);
  throw new UsageError(`unknown command '${name}'; known: ${definitions.map((each) => each.name).join(', ')}`);
}

function programOf(definitions: readonly CommandDefinition[]): Command {
  const program = quiet(new Command(PROGRAM))
    .usage('COMMAND [ARGUMENT...]')
    .option('-V, --version', 'print the version of the package')
    .helpOption('-h, --help', HELP_OPTION);
  for (const { name, summary } of definitions) quiet(program.command(name)).description(summary);
  return program.addHelpCommand('help [COMMAND]', 'print this text, or that of a command');
}

/** The command of a definition. */
function commandOf(definition: CommandDefinition): Command {
  const { name, usage, description, options, examples, notes = [] } = definition;
  const command = quiet(new Command(`${PROGRAM} ${name}`))
    .usage(usage.join(`\n       ${PROGRAM} ${name} `))
    .description(description.join('\n\n'))
    .argument('[operands...]')
    .helpOption('-h, --help', HELP_OPTION);
  for (const [option, each] of Object.entries(options)) command.addOption(optionOf(name, option, each));
  for (const note of notes) command.addHelpText('after', `\n${wrapped(note)}`);
  const lines = examples.map(([line, what]) => `  # ${what}\n  ${PROGRAM} ${name} ${line}`.trimEnd());
  return command.addHelpText('after', `\n${bold('Examples:')}\n${lines.join('\n')}`);
}

function optionOf(command: string, name: string, definition: OptionDefinition): Option {
  const { help, value, optional, multiple, short, choices, group } = definition;
  const long = value === undefined ? `--${name}` : optional ? `--${name} [${value}]` : `--${name} <${value}>`;
  const option = new Option(short === undefined ? long : `-${short}, ${long}`, help);
  if (choices !== undefined) option.choices(choices);
  if (group !== undefined) option.helpGroup(`${group}:`);
  if (value === undefined) return option;
  return option.argParser((text: string, before: unknown) => {
    const read = text === LEFT_OUT ? true : readValue(command, name, text, definition);
    return multiple === true ? [...((before as unknown[] | undefined) ?? []), read] : read;
  });
}

/** The value of an option; throws `UsageError`. */
function readValue(command: string, name: string, text: string, { choices, parse }: OptionDefinition): unknown {
  if (choices?.includes(text) === false)
    throw new UsageError(`${command}: --${name}: expected one of ${choices.join(', ')}, got "${text}"`);
  try {
    return parse === undefined ? text : parse(text);
  } catch (error) {
    throw new UsageError(`${command}: --${name}: ${(error as Error).message}`);
  }
}

/** The next argument is no value of an option that may be without one. */
function withMarkedOptions({ options }: CommandDefinition, args: readonly string[]): string[] {
  const end = args.indexOf('--');
  return args.map((each, index) =>
    (end < 0 || index < end) && each.startsWith('--') && options[each.slice(2)]?.optional === true
      ? `${each}=${LEFT_OUT}`
      : each,
  );
}

function valuesOf({ options }: CommandDefinition, command: Command): Readonly<Record<string, never>> {
  const values: Record<string, unknown> = {};
  for (const option of command.options) {
    const name = option.long!.slice(2);
    const value: unknown = command.getOptionValue(option.attributeName());
    // A switch "no-NAME" is the other side of the switch "NAME".
    if (options[name]!.value === undefined) values[name] = value === !option.negate;
    else if (value !== undefined) values[name] = value;
  }
  return values as Record<string, never>;
}

/** It writes nothing by itself but help, and ends nothing. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .configureOutput({ writeOut: write, writeErr: () => undefined, getOutHasColors: () => true })
    .configureHelp({
      styleTitle: bold,
      optionTerm: ({ flags }) => flags.replace(/ \[(.*)\]$/, '[=$1]').replace(/ <(.*)>$/, ' $1'),
      optionDescription: ({ description, argChoices }) =>
        argChoices === undefined ? description : `${description}. One of ${argChoices.join(', ')}`,
      visibleArguments: () => [],
      subcommandTerm: (each) => (each.name() === 'help' ? 'help [COMMAND]' : each.name()),
    });
}

/** Text as wide as commander makes it; tables stay as they are. */
function wrapped(text: string): string {
  const help = new Help();
  return help.preformatted(text) ? text : help.boxWrap(text, process.stdout.columns || 80);
}

function seeHelp(name: string | undefined): string {
  return `see ${PROGRAM} ${name === undefined ? '' : `${name} `}--help`;
}

/** Complaints of commander as our own, in one line; others as they are. */
function usageError(error: unknown, name: string | undefined): unknown {
  if (!(error instanceof CommanderError)) return error;
  const [sentence = '', ...more] = error.message.replace(/^error: /, '').split('\n');
  const hint = more.length === 0 ? '' : ` ${more.join(' ').replace(/^\(Did/, '(did')}`;
  const text = sentence
    .replace(/^option '(?:-\w, )?(--[\w-]+) [<[](.*)[>\]]' argument missing$/, '$1: a value is missing: $1 $2')
    .replace(/\.$/, '');
  return new UsageError(`${name === undefined ? '' : `${name}: `}${text}${hint}; ${seeHelp(name)}`);
}
