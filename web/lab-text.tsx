/** The left side: story, steps, and at the end what it was all about. */
import type { JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { PageLab, PageStep } from '../src/lab/serve/protocol.ts';
import { Finish } from './finish.tsx';
import { Icon } from './icon.tsx';
import { tryAsk } from './link.ts';
import { Markdown, MarkdownLine } from './markdown.tsx';
import { setOpenSteps } from './open-steps.ts';
import { keepPlace, placeIn, rememberPlace, returnToPlace } from './place.ts';
import { Step } from './step.tsx';
import { useStore } from './store.ts';

export function LabText({ lab }: { readonly lab: PageLab }): JSX.Element {
  const progress = useStore((state) => state.progress);
  const room = useStore((state) => state.room);
  const answers = useStore((state) => state.opened);
  const done = progress?.done ?? [];
  const isDone = (step: PageStep | undefined): boolean => step !== undefined && done.includes(step.id);
  const asks = (step: PageStep | undefined): boolean => step?.quiz !== undefined && answers[step.id]?.answer?.right !== true;
  const first = lab.steps.find((step) => !isDone(step))?.id;
  const [opened, setOpened] = useState<string | undefined>(() => {
    const { open } = placeIn(lab.id);
    if (open === null || lab.steps.some(({ id }) => id === open)) return open ?? undefined;
    return lab.steps.find((step) => !isDone(step) || asks(step))?.id;
  });
  const before = useRef(first);
  // The next step opens when one is done, unless that one still asks something or the reader opened another one.
  useEffect(() => {
    if (before.current === first) return;
    const last = lab.steps.find(({ id }) => id === before.current);
    if (opened === undefined || (opened === before.current && !asks(last))) setOpened(first);
    before.current = first;
  }, [first]);
  useEffect(() => setOpenSteps([...new Set([opened, first].filter((id) => id !== undefined))]), [opened, first]);
  const finished = progress?.finished !== undefined;
  const wasFinished = useRef(finished);
  useEffect(() => keepPlace(lab.id, { open: opened ?? null }), [opened]);
  useKeptPlace(lab.id, room?.state === 'ready' && done.length > 0 && !finished ? opened : undefined);
  return (
    <div class="column">
      {finished && progress !== undefined && <Finish lab={lab} progress={progress} before={wasFinished.current} />}
      <p class="goal">
        <MarkdownLine text={lab.goal} />
      </p>
      <p class="facts">
        <Icon name="clock" /> about {lab.minutes} minutes · {lab.steps.length} steps
      </p>
      <Missing lab={lab} />
      {finished ? (
        <details class="story">
          <summary>The story</summary>
          <Markdown text={lab.story} />
        </details>
      ) : (
        <Markdown text={lab.story} />
      )}
      {room?.state !== 'ready' && <Start lab={lab} />}
      <ol class="steps">
        {lab.steps.map((step, index) => (
          <Step
            key={step.id}
            lab={lab.id}
            step={step}
            number={index + 1}
            done={done.includes(step.id)}
            open={opened === step.id}
            asks={isDone(step) && asks(step)}
            next={
              isDone(step) && lab.steps[index + 1] !== undefined
                ? () => {
                    setOpened(lab.steps[index + 1]?.id);
                    document.getElementById(`head-${lab.steps[index + 1]?.id}`)?.focus();
                  }
                : undefined
            }
            toggle={() => setOpened(opened === step.id ? undefined : step.id)}
          />
        ))}
      </ol>
      {!finished && (
        <details class="story">
          <summary>What it was all about (the explanation; it tells the ending)</summary>
          <Markdown text={lab.explanation} />
        </details>
      )}
    </div>
  );
}

/** Scrolled to where the reader was; without that, to the step at hand, where there is one. */
function useKeptPlace(lab: string, step: string | undefined): void {
  useLayoutEffect(() => {
    const text = document.getElementById('text');
    if (text === null) return;
    if (!returnToPlace(lab, text) && step !== undefined) document.getElementById(`head-${step}`)?.scrollIntoView();
    let waiting = false;
    const moved = (): void => {
      if (waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        rememberPlace(lab, text);
      }, 150);
    };
    const leaving = (): void => rememberPlace(lab, text);
    text.addEventListener('scroll', moved, { passive: true });
    addEventListener('pagehide', leaving);
    return () => {
      text.removeEventListener('scroll', moved);
      removeEventListener('pagehide', leaving);
    };
  }, []);
}

function Missing({ lab }: { readonly lab: PageLab }): JSX.Element | null {
  if (lab.missing.length === 0) return null;
  return (
    <section class="missing" aria-labelledby="missing-title">
      <h2 id="missing-title">
        <Icon name="attention" /> This machine lacks something for it
      </h2>
      <ul>
        {lab.missing.map(({ need, says, get }) => (
          <li key={need}>
            {says}
            <br />
            <code>{get}</code>
          </li>
        ))}
      </ul>
    </section>
  );
}

export function Start({ lab }: { readonly lab: Pick<PageLab, 'id' | 'missing'> }): JSX.Element {
  const room = useStore((state) => state.room);
  const state = room?.state ?? 'off';
  const busy = state === 'starting' || state === 'resetting' || state === 'stopping';
  return (
    <div class={`start ${state}`}>
      {busy ? (
        <p role="status">
          <span class="spinner" aria-hidden="true" /> {room?.message ?? 'One moment …'}
        </p>
      ) : (
        <>
          {state === 'failed' && (
            <p class="trouble" role="alert">
              {room?.message}
              {room?.hint !== undefined && <small>{room.hint}</small>}
            </p>
          )}
          <button
            type="button"
            class="primary"
            disabled={lab.missing.length > 0}
            onClick={() => void tryAsk({ kind: 'start', lab: lab.id })}
          >
            <Icon name="play" /> {state === 'failed' ? 'Try again' : 'Start the lab'}
          </button>
        </>
      )}
    </div>
  );
}
