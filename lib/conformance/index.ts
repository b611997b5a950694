/** The conformance suite: the same cases on hardware and on the emulator. */
export { CaseDefinition, CaseGroup } from './framework/case.ts';
export type { CaseFunction, ConcreteCase } from './framework/case.ts';
export { CaseSkipped, ConformanceFailure } from './framework/check.ts';
export { CaseContext } from './framework/context.ts';
export type { AttributePair, GivenAttributes, NamedAttributes, NamedValue } from './framework/attributes.ts';
export type { QuirkFinding } from './framework/checks.ts';
export type { CaseSetup } from './framework/context.ts';
export { EXPECTATION_KINDS, Expectations, ExpectationsError } from './framework/expectations.ts';
export type { Expectation, ExpectationKind } from './framework/expectations.ts';
export { FEATURE_NAMES, FEATURES } from './framework/feature.ts';
export type { Feature } from './framework/feature.ts';
export type { Mapping, MappingOptions } from './framework/mapping.ts';
export { ExpectedSkips } from './framework/expected-skips.ts';
export type { KernelNote, KernelPlaces, KernelReport } from './framework/kernel-watch.ts';
export { ReportError } from './framework/merge.ts';
export { formatPoint, pairwise, parameters, Parameters } from './framework/parameters.ts';
export type { ParameterPoint, ParameterValue } from './framework/parameters.ts';
export { parseQuery, QueryError, selectCases } from './framework/query.ts';
export type { Query } from './framework/query.ts';
export { allCases, GROUPS } from './cases/index.ts';
export { REPORT_SCHEMA } from './framework/report.ts';
export type { Environment } from './framework/environment.ts';
export type {
  ChangedCase,
  Comparison,
  Report,
  ReportedCase,
  ReportHead,
  RunDescription,
  Shard,
  Summary,
} from './framework/report.ts';
export { renderJunitFailures, renderReport } from './framework/reporters/index.ts';
export { REPORT_FORMATS } from './framework/reporters/formats.ts';
export type { ReportFormat } from './framework/reporters/formats.ts';
export type { RunPlan } from './framework/run.ts';
export type { Selection } from './framework/selection.ts';
export { STATUSES } from './framework/run-case.ts';
export type { Status } from './framework/run-case.ts';
export { Target } from './framework/target.ts';
export type { TargetIdentity, TargetOptions } from './framework/target.ts';
export { compareReports, newFailures } from './framework/compare.ts';
export { mergeReports, planCases, readReport, runConformance } from './suite.ts';
export type { ConformanceOptions, PlanOptions } from './suite.ts';
