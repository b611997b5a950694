/** How a recording says that it is not what was asked for, without disturbing the program that is recorded. */
export function warnOfRecording(message: string): void {
  process.emitWarning(message, { type: 'AmdgpuSvmWarning', code: 'SVM_RECORDING' });
}
