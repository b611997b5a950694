/** Shared virtual memory of amdgpu: on a real render node, or emulated. */
export * from './device/index.ts';
export * from './uapi/index.ts';
export { NotModelledError } from '../emulator/index.ts';
export type { EmulatedDevice, EmulatedMachine, MachineOptions } from '../emulator/index.ts';
export { replayTrace } from './trace/replay.ts';
export type { ReplayDifference, ReplayResult } from './trace/replay.ts';
export { parseTrace, readTraceFile, TraceFileError } from './trace/read-trace.ts';
export type { TraceLine } from './trace/read-trace.ts';
export { ChromeTraceExporter, chromeTraceOf } from './trace/chrome-exporter.ts';
export type { ChromeEvent, ChromeTrace } from './trace/chrome-events.ts';
