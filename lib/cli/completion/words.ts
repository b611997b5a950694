/** What the scripts of all shells are made of. */
import type { CommandDefinition, OptionDefinition } from '../definition.ts';

/** The options of a command, by name, with the one that all have. */
export function optionsOf(command: CommandDefinition): readonly (readonly [name: string, OptionDefinition])[] {
  return [...Object.entries(command.options), ['help', { help: 'print the help of the command', short: 'h' }]];
}

/** What is said of an option next to its name: as much of its help as has no condition in it. */
export function shortHelp({ help }: OptionDefinition): string {
  return help.split(/[;:(]|\. /)[0]!.trim();
}

/** Text between single quotes, as bash and zsh read it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
