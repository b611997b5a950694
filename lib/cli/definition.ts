/**
 * What a command is called and takes, as data: the parser (parser.ts), the help texts and the completion of shells are made
 * of it, so that none of them loads what the command does.
 */

/** One option. Without `value` it is a switch. */
export interface OptionDefinition {
  readonly help: string;
  /** What stands for the value in help texts: "FILE", "N". */
  readonly value?: string;
  /** The value may be left out; what is given then is `true`. It can only follow "=". */
  readonly optional?: true;
  /** May be given several times. */
  readonly multiple?: true;
  readonly short?: string;
  /** All values that there are. */
  readonly choices?: readonly string[];
  /** Makes the value of its text; throws a UsageError that says what is expected. */
  readonly parse?: (text: string) => unknown;
  /** Heading in the help, instead of "Options". */
  readonly group?: string;
  /** What a shell completes the value with, where it is no choice. */
  readonly completes?: 'files' | 'folders';
}

/** Options by name, as they are written without the dashes. */
export type OptionDefinitions = Readonly<Record<string, OptionDefinition>>;

/** A command. */
export interface CommandDefinition<Options extends OptionDefinitions = OptionDefinitions> {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What follows the name, for each way in which the command is used. */
  readonly usage: readonly string[];
  /** Paragraphs; one with line breaks is shown as it is. */
  readonly description: readonly string[];
  /** What stands for itself: how a shell completes it; without it the command takes none. */
  readonly operands?: 'files' | readonly string[];
  readonly options: Options;
  /** What comes after "--" is a program that the command starts. */
  readonly program?: true;
  /** Command lines after "amdgpu-svm NAME", and what each does. */
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** What is said after the options: tables of values, exit codes of a meaning of their own. */
  readonly notes?: readonly string[];
}

type SingleValue<Option extends OptionDefinition> = Option extends { readonly parse: (text: string) => infer Value }
  ? Value
  : Option extends { readonly choices: readonly (infer Choice)[] }
    ? Choice
    : string;

type ValueOf<Option extends OptionDefinition> = Option extends { readonly multiple: true }
  ? readonly SingleValue<Option>[]
  : Option extends { readonly optional: true }
    ? SingleValue<Option> | true
    : SingleValue<Option>;

type Switches<Options> = {
  [Name in keyof Options]: Options[Name] extends { readonly value: string } ? never : Name;
}[keyof Options];

/** The options as they were given: switches are true or false, others absent if they were not given. */
export type OptionValues<Options extends OptionDefinitions> = { readonly [Name in Switches<Options>]: boolean } & {
  readonly [Name in Exclude<keyof Options, Switches<Options>>]?: ValueOf<Options[Name]>;
};

/** What a command gets. */
export interface CommandInput<Options extends OptionDefinitions = OptionDefinitions> {
  readonly values: OptionValues<Options>;
  readonly operands: readonly string[];
  /** What was after "--", for commands that start a program; undefined without "--". */
  readonly program: readonly string[] | undefined;
}

/** What the command of a definition gets. */
export type InputOf<Definition extends CommandDefinition> = CommandInput<Definition['options']>;

/** Keeps the exact types of the options. */
export function defineCommand<const Options extends OptionDefinitions>(
  definition: CommandDefinition<Options>,
): CommandDefinition<Options> {
  return definition;
}
