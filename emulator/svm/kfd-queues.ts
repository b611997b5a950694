// Models: kgd2kfd_quiesce_mm and kgd2kfd_resume_mm - stopping all compute queues of the process (spec/xnack-off §6).

/** The compute queues of one process, on all its devices. KFD counts who has stopped them: they run while nobody has. */
export class ProcessQueues {
  /** Successful stops without a successful resume, of all VMs of the process. */
  stops = 0;
}

/** The queues of the process behind one VM, as its SVM context has KFD stop and resume them. */
export class KfdQueues {
  /** What a quiesce call returns from now on: 0 or a negative errno. */
  quiesceResult = 0;
  /** What a resume call returns from now on: 0 or a negative errno. */
  resumeResult = 0;
  /** Calls, failed ones included. */
  quiesceCalls = 0;
  resumeCalls = 0;
  /** Successful quiesce calls without a successful resume call. */
  stopped = 0;
  private readonly queues: ProcessQueues;

  constructor(queues: ProcessQueues) {
    this.queues = queues;
  }

  quiesce(): number {
    this.quiesceCalls++;
    if (this.quiesceResult === 0) this.count(1);
    return this.quiesceResult;
  }

  resume(): number {
    this.resumeCalls++;
    if (this.resumeResult === 0) this.count(-1);
    return this.resumeResult;
  }

  private count(change: number): void {
    this.stopped += change;
    this.queues.stops += change;
  }
}
