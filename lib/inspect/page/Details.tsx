/** Details of the current operation and of what is selected in the map. */
import type { ComponentChildren, JSX } from 'preact';
import { accessName, attributeFlagNames, locationName } from '../../words/attributes.ts';
import { memoryName } from '../../words/memory.ts';
import { PTE_STATE_MEANINGS } from '../../words/faults.ts';
import { refusalOf } from '../../trace/replay/explain.ts';
import { answerText, effectText, operationText, spentTexts } from '../model/describe.ts';
import { accessSentences } from '../model/decision.ts';
import { address, interval, pagesSize, resultSentence, time } from '../model/format.ts';
import { LANE_TITLES } from '../model/lanes.ts';
import type { LaneItem } from '../model/lanes.ts';
import { pteFlagNames } from '../../words/pte-flags.ts';
import { quirksIn } from '../model/hazards.ts';
import type { NamedQuirk, StepHazard } from '../model/hazards.ts';
import type { Step } from '../model/step.ts';
import type { StepState } from '../model/states.ts';
import type { SessionLook } from './use-look.ts';
import { threadRows } from '../model/threads.ts';
import { Threads } from './Threads.tsx';

interface DetailsProps {
  readonly shown: SessionLook;
  /** Goes to another operation. */
  readonly onStep: (index: number) => void;
}

export function Details({ shown, onStep }: DetailsProps): JSX.Element {
  const { selected, state, step, session, look } = shown;
  return (
    <section class="details" aria-label="Details">
      {selected !== undefined && (
        <ItemDetails item={selected} gcMajor={session.gcMajor} isChanged={state.changes.added.has(selected.identity)} />
      )}
      <StepDetails index={look.step} step={step} state={state} onStep={onStep} />
    </section>
  );
}

interface StepDetailsProps extends Pick<DetailsProps, 'onStep'> {
  readonly index: number;
  readonly step: Step;
  readonly state: StepState;
}

function StepDetails({ index, step, state, onStep }: StepDetailsProps): JSX.Element {
  const { added, removed } = state.changes;
  const result = Number(step.answer['ret'] ?? 0);
  const sentences = accessSentences(step.operation, step.answer);
  const threads = threadRows(step);
  const spent = spentTexts(step);
  const texts = [
    ...step.decisions.flatMap(({ quirks }) => quirks),
    ...step.hazards.map(({ quirk, detail }) => `${quirk} ${detail}`),
    String(step.answer['fatal'] ?? ''),
  ];
  return (
    <article>
      <h2>
        Operation {index + 1}: {step.operation.name}
      </h2>
      <p class="mono">{operationText(step.operation)}</p>
      <Facts>
        <Fact name="answer">
          {answerText(step)}
          {result < 0 ? ` - ${refusalOf(step.operation, result) ?? resultSentence(result)}` : ''}
        </Fact>
        <Fact name="clock">{time(step.clock)}</Fact>
        {spent.total !== '' && <Fact name="took">{`${spent.total}: ${spent.parts}`}</Fact>}
        <Fact name="changed">
          {added.size === 0 && removed.length === 0
            ? 'nothing'
            : `${added.size} new or changed, ${removed.length} gone or replaced`}
        </Fact>
      </Facts>
      {step.answer['fatal'] !== undefined && <p class="bad">{String(step.answer['fatal'])}</p>}
      {step.difference !== undefined && <p class="bad">Differs from the recording in {step.difference}.</p>}
      {step.decisions.length + sentences.length > 0 && (
        <>
          <h3>Outcome</h3>
          <ul>
            {step.decisions.slice(0, MOST_DECISIONS).map((decision, at) => (
              <li key={at}>
                <strong class={`outcome ${decision.outcome}`}>{decision.outcome}</strong>{' '}
                {decision.faults > 1 ? `${decision.faults} ` : ''}
                {decision.write ? 'write' : 'read'} fault{decision.faults > 1 ? 's' : ''} at{' '}
                <span class="mono">{address(decision.page)}</span>
                {decision.pages > 1 ? ` and ${decision.pages - 1} more pages` : ''}: {decision.rule}
              </li>
            ))}
            {step.decisions.length > MOST_DECISIONS && <li>and {step.decisions.length - MOST_DECISIONS} more</li>}
            {sentences.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </>
      )}
      <Hazards title="Hazards" hazards={step.hazards.filter(({ isNotice }) => !isNotice)} onStep={onStep} />
      <Hazards title="Notices" hazards={step.hazards.filter(({ isNotice }) => isNotice)} onStep={onStep} />
      <Quirks quirks={quirksIn(texts.join(' '))} />
      {threads !== undefined && <Threads rows={threads.slice(0, MOST_EFFECTS)} />}
      {threads === undefined && step.effects.length > 0 && (
        <details open={step.effects.length <= 12}>
          <summary>{step.effects.length} effects, in order</summary>
          <ol class="effects">
            {step.effects.slice(0, MOST_EFFECTS).map((effect, at) => (
              <li key={at}>{effectText(effect).text}</li>
            ))}
            {step.effects.length > MOST_EFFECTS && <li>and {step.effects.length - MOST_EFFECTS} more</li>}
          </ol>
        </details>
      )}
      <details>
        <summary>as it is written in the trace</summary>
        <pre>{JSON.stringify(step.source)}</pre>
        <pre>{shortened(JSON.stringify(step.answer, null, 1))}</pre>
      </details>
    </article>
  );
}

/** What the monitor has found in a step: how it came to that, and what a program can do. */
function Hazards({
  title,
  hazards,
  onStep,
}: {
  title: string;
  hazards: readonly StepHazard[];
  onStep: DetailsProps['onStep'];
}): JSX.Element | null {
  if (hazards.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul>
        {hazards.slice(0, MOST_DECISIONS).map((hazard, at) => (
          <li key={at}>
            <strong class={hazard.isNotice ? '' : 'bad'}>{hazard.quirk}</strong> {hazard.detail}{' '}
            {hazard.count > 1 && `(${hazard.count} times) `}
            {hazard.pages > 0 && <span class="mono">{interval(hazard.page, hazard.pages)}</span>}
            {hazard.history.length > 0 && (
              <span class="note">
                {' '}
                after{' '}
                {hazard.history.map(({ operation, what }, nth) => (
                  <span key={nth}>
                    {nth > 0 && ', '}
                    <button type="button" class="link" onClick={() => onStep(operation - 1)}>
                      {what} ({operation})
                    </button>
                  </span>
                ))}
              </span>
            )}
            {hazard.advice !== '' && (
              <p>
                <em>What to do:</em> {hazard.advice}
              </p>
            )}
          </li>
        ))}
        {hazards.length > MOST_DECISIONS && <li>and {hazards.length - MOST_DECISIONS} more</li>}
      </ul>
    </>
  );
}

const MOST_EFFECTS = 60;
const MOST_DECISIONS = 12;
const MOST_CHARACTERS = 6000;

function shortened(text: string): string {
  return text.length <= MOST_CHARACTERS ? text : `${text.slice(0, MOST_CHARACTERS)}\n...`;
}

function ItemDetails({
  item,
  gcMajor,
  isChanged,
}: {
  item: LaneItem;
  gcMajor: number;
  isChanged: boolean;
}): JSX.Element {
  return (
    <article class="item">
      <h2>
        {LANE_TITLES[item.lane]}: {item.label}
      </h2>
      <p class="mono">{interval(item.page, item.pages)}</p>
      <Facts>
        <Fact name="pages">
          {item.pages} from page 0x{item.page.toString(16)}
        </Fact>
        <ItemFacts item={item} gcMajor={gcMajor} />
        {isChanged && <Fact name="changed">by this operation</Fact>}
      </Facts>
    </article>
  );
}

function ItemFacts({ item, gcMajor }: { item: LaneItem; gcMajor: number }): JSX.Element {
  const { data } = item;
  switch (data.lane) {
    case 'vmas':
      return (
        <>
          <Fact name="kind">{data.vma.kind}</Fact>
          <Fact name="protection">{data.vma.protection}</Fact>
        </>
      );
    case 'memory':
      return <Fact name="lies in">{memoryName(data.gpu)}</Fact>;
    case 'attributes': {
      const { interval: record } = data;
      return (
        <>
          <Fact name="access">{accessName(record.access)}</Fact>
          <Fact name="preferredLocation">{locationName(record.preferredLocation)}</Fact>
          <Fact name="prefetchLocation">{locationName(record.prefetchLocation)}</Fact>
          <Fact name="granularity">
            {record.granularity} ({pagesSize(2 ** record.granularity)})
          </Fact>
          <Fact name="flags">{attributeFlagNames(record.flags).join(', ') || 'none'}</Fact>
        </>
      );
    }
    case 'notifiers':
      return <Fact name="what">MMU interval notifier: CPU changes in it reach the GPU ranges below</Fact>;
    case 'ranges': {
      const { range } = data;
      return (
        <>
          <Fact name="chunk">{pagesSize(item.pages)}</Fact>
          <Fact name="GPU mapped">{range.mapped ? 'yes' : 'no'}</Fact>
          <Fact name="DMA mapping">{range.dmaMapped ? 'yes' : 'no'}</Fact>
          <Fact name="unmapped">{range.unmapped ? 'yes' : range.partiallyUnmapped ? 'in part' : 'no'}</Fact>
          <Fact name="collector">{range.queued ? 'queued' : 'not queued'}</Fact>
          <Fact name="last commit">{range.validationTime === 0 ? 'never' : time(range.validationTime)}</Fact>
          {range.pteFlags !== undefined && (
            <Fact name="PTE flags">
              <PteFlags flags={range.pteFlags} gcMajor={gcMajor} />
            </Fact>
          )}
          <Fact name="attribute flags">{attributeFlagNames(range.attributeFlags).join(', ') || 'none'}</Fact>
        </>
      );
    }
    case 'ptes':
      return (
        <>
          <Fact name="state">
            <span class={data.run.state === 'ok' ? '' : 'bad'}>{PTE_STATE_MEANINGS[data.run.state]}</span>
          </Fact>
          <Fact name="flags">
            <PteFlags flags={data.run.flags} gcMajor={gcMajor} />
          </Fact>
          <Fact name="first page">{address(item.page)}</Fact>
        </>
      );
  }
}

function PteFlags({ flags, gcMajor }: { flags: bigint; gcMajor: number }): JSX.Element {
  if (flags === 0n) return <>none</>;
  return (
    <>
      <code>0x{flags.toString(16)}</code>
      <ul class="flags">
        {pteFlagNames(flags, gcMajor).map(({ name, meaning }) => (
          <li key={name}>
            <code>{name}</code> {meaning}
          </li>
        ))}
      </ul>
    </>
  );
}

function Quirks({ quirks }: { quirks: readonly NamedQuirk[] }): JSX.Element | null {
  if (quirks.length === 0) return null;
  return (
    <>
      {quirks.map((quirk) => (
        <details key={quirk.id} class="quirk" open={quirks.length === 1}>
          <summary>
            <strong>{quirk.id}</strong> {quirk.title}
          </summary>
          <p>{quirk.text}</p>
          <p>
            <em>What can be seen:</em> {quirk.observable}
            {quirk.invariants.length === 0 ? '' : ` Breaks ${quirk.invariants.join(', ')}.`}
          </p>
        </details>
      ))}
    </>
  );
}

function Facts({ children }: { children: ComponentChildren }): JSX.Element {
  return <dl>{children}</dl>;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): JSX.Element {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}
