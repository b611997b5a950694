/** What each command does, loaded when it is asked for: all of them together take longer than a short trace. */
import type { CommandName, DEFINITIONS } from './commands/index.ts';
import type { CommandInput, InputOf } from './definition.ts';

type Action<Input> = (input: Input) => number | Promise<number>;

const LOADERS: { readonly [Name in CommandName]: () => Promise<Action<InputOf<(typeof DEFINITIONS)[Name]>>> } = {
  info: async () => (await import('./info.ts')).runInfo,
  demo: async () => (await import('./demo.ts')).runDemo,
  replay: async () => (await import('./replay.ts')).runReplay,
  snapshot: async () => (await import('./snapshot.ts')).runSnapshot,
  record: async () => (await import('./record.ts')).runRecord,
  run: async () => (await import('./run.ts')).runRun,
  conformance: async () => (await import('./conformance.ts')).runConformanceCommand,
  diff: async () => (await import('./diff.ts')).runDiff,
  hazards: async () => (await import('./hazards.ts')).runHazards,
  serve: async () => (await import('./serve.ts')).runServe,
  gpu: async () => (await import('./gpu.ts')).runGpu,
  trace: async () => (await import('./trace.ts')).runTrace,
  inspect: async () => (await import('./inspect.ts')).runInspect,
  explore: async () => (await import('./explore.ts')).runExplore,
  fuzz: async () => (await import('./fuzz.ts')).runFuzz,
  bench: async () => (await import('./bench.ts')).runBench,
  build: async () => (await import('./build.ts')).runBuild,
  completion: async () => (await import('./completion.ts')).runCompletion,
};

/** The command of a name. What the parser gives fits the definition of that name. */
export async function loadCommand(name: CommandName): Promise<Action<CommandInput>> {
  return (await LOADERS[name]()) as Action<CommandInput>;
}
