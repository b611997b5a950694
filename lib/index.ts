/** Shared virtual memory of amdgpu: on a real render node, or emulated. */
export * from './device/index.ts';
export * from './uapi/index.ts';
export { NotModelledError } from '../emulator/index.ts';
export type { EmulatedDevice, EmulatedMachine, MachineOptions } from '../emulator/index.ts';
export { replayTrace } from './trace/replay/replay.ts';
export type { ReplayDifference, ReplayResult } from './trace/replay/replay.ts';
export { parseTrace, readTraceFile, readTraceLines, TraceFileError } from './trace/format/read-trace.ts';
export type { TraceLine } from './trace/format/read-trace.ts';
export { chromeTraceOf } from './trace/export/chrome-exporter.ts';
export { ChromeTraceExporter } from './trace/export/live-exporter.ts';
export type { ChromeEvent, ChromeTrace } from './trace/export/chrome-events.ts';
