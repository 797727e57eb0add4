/** One step: text, checks that turn green while the learner works, hints, a question, and help for those who want it. */
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { PageStep } from '../src/lab/serve/protocol.ts';
import { Commands } from './commands.tsx';
import { Icon } from './icon.tsx';
import { tryAsk } from './link.ts';
import { Markdown, MarkdownLine } from './markdown.tsx';
import { say, useStore } from './store.ts';

interface StepProps {
  readonly lab: string;
  readonly step: PageStep;
  readonly number: number;
  readonly done: boolean;
  readonly open: boolean;
  /** Done, but its question is not answered. */
  readonly asks: boolean;
  /** Opens the one after it; none: it is the last, or not done. */
  readonly next: (() => void) | undefined;
  readonly toggle: () => void;
}

export function Step({ lab, step, number, done, open, asks, next, toggle }: StepProps): JSX.Element {
  const body = `step-${step.id}`;
  const item = useRef<HTMLLIElement>(null);
  const first = useRef(true);
  useEffect(() => {
    if (first.current) {
      first.current = false;
      return;
    }
    if (!open) return;
    const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    item.current?.scrollIntoView({ block: 'start', behavior: calm ? 'auto' : 'smooth' });
  }, [open]);
  return (
    <li ref={item} class={`step${done ? ' done' : ''}${open ? ' open' : ''}`}>
      <h2>
        <button id={`head-${step.id}`} type="button" aria-expanded={open} aria-controls={body} onClick={toggle}>
          <span class="mark" aria-hidden="true">
            {done ? <Icon name="check" /> : number}
          </span>
          <span class="title">
            {step.title}
            <span class="unseen">{done ? ', done' : ''}</span>
          </span>
          {asks && <span class="badge asks">question</span>}
          <Icon name="down" />
        </button>
      </h2>
      {open && (
        <div class="body" id={body}>
          <Markdown text={step.text} />
          <Checks lab={lab} step={step} done={done} />
          <Question lab={lab} step={step} />
          <Help lab={lab} step={step} done={done} />
          {next !== undefined && (
            <button type="button" class={asks ? '' : 'primary'} onClick={next}>
              Next step
            </button>
          )}
        </div>
      )}
    </li>
  );
}

function Checks({ step, done }: { readonly lab: string; readonly step: PageStep; readonly done: boolean }): JSX.Element | null {
  const live = useStore((state) => state.checks[step.id]);
  const ready = useStore((state) => state.room?.state === 'ready');
  if (step.checks.length === 0) return null;
  return (
    <section class="checks" aria-label="Checks">
      <h3>
        {ready ? 'Checked while you work' : 'Will be checked'}
        {done && <span class="badge good">done</span>}
      </h3>
      <ul>
        {step.checks.map((says, index) => {
          const state = live?.[index];
          const green = state?.green === true;
          return (
            <li key={says} class={green ? 'green' : ''}>
              <span class="light" aria-hidden="true">
                {green && <Icon name="check" />}
              </span>
              <span>
                <MarkdownLine text={says} />
                <span class="unseen">{green ? ' (passed)' : ' (not yet)'}</span>
                {state !== undefined && state.detail !== '' && <small>{state.detail}</small>}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

function Question({ lab, step }: { readonly lab: string; readonly step: PageStep }): JSX.Element | null {
  const given = useStore((state) => state.opened[step.id]?.answer);
  const ready = useStore((state) => state.room?.state === 'ready');
  const [chosen, setChosen] = useState<number>();
  if (step.quiz === undefined) return null;
  const answer = async (): Promise<void> => {
    if (chosen === undefined) return say('Choose an answer first', true);
    const told = await tryAsk({ kind: 'answer', lab, step: step.id, choice: chosen });
    if (told !== undefined) say(`${told.right ? 'Right' : 'Not so'}: ${told.because}`);
  };
  const right = given?.right === true;
  return (
    <fieldset class="quiz">
      <legend>
        <MarkdownLine text={step.quiz.question} />
      </legend>
      {step.quiz.choices.map((text, index) => (
        <label key={text} class={given?.choice === index ? (right ? 'right' : 'wrong') : ''}>
          <input
            type="radio"
            name={`quiz-${step.id}`}
            checked={(chosen ?? given?.choice) === index}
            disabled={right}
            onChange={() => setChosen(index)}
          />
          <span>
            <MarkdownLine text={text} />
          </span>
        </label>
      ))}
      {given !== undefined && (
        <p class={right ? 'verdict right' : 'verdict wrong'}>
          <strong>{right ? 'Right. ' : 'Not so. '}</strong>
          <MarkdownLine text={given.because} />
        </p>
      )}
      {!right && (
        <button type="button" disabled={!ready} title={ready ? '' : 'Start the lab first'} onClick={() => void answer()}>
          Answer
        </button>
      )}
    </fieldset>
  );
}

function Help({ lab, step, done }: { readonly lab: string; readonly step: PageStep; readonly done: boolean }): JSX.Element {
  const hints = useStore((state) => state.opened[step.id]?.hints) ?? [];
  const ready = useStore((state) => state.room?.state === 'ready');
  const [solution, setSolution] = useState<string>();
  const [busy, setBusy] = useState(false);
  const more = step.hints - hints.length;
  const solve = async (): Promise<void> => {
    setBusy(true);
    if ((await tryAsk({ kind: 'solve', lab, step: step.id })) === true) say('The solution was run');
    setBusy(false);
  };
  const show = async (): Promise<void> => {
    if (solution !== undefined) return setSolution(undefined);
    setSolution((await tryAsk({ kind: 'solution', lab, step: step.id }))?.solution);
  };
  return (
    <div class="help">
      {hints.map((hint, index) => (
        <div key={hint} class="hint">
          <Icon name="bulb" />
          <div>
            <span class="unseen">Hint {index + 1}:</span>
            <Markdown text={hint} />
          </div>
        </div>
      ))}
      {solution !== undefined && (
        <div class="solution">
          <Commands text={solution} language="sh" />
        </div>
      )}
      <div class="buttons">
        {more > 0 && (
          <button type="button" class="small" disabled={!ready} onClick={() => void tryAsk({ kind: 'hint', lab, step: step.id })}>
            <Icon name="bulb" /> {hints.length === 0 ? 'Hint' : 'Another hint'} <span class="quiet">({more} left)</span>
          </button>
        )}
        {step.solvable && (
          <button type="button" class="small" aria-expanded={solution !== undefined} onClick={() => void show()}>
            {solution === undefined ? 'Show the solution' : 'Hide the solution'}
          </button>
        )}
        {step.solvable && !done && (
          <button type="button" class="small" disabled={!ready || busy} onClick={() => void solve()}>
            {busy ? 'Doing it …' : 'Do it for me'}
          </button>
        )}
      </div>
    </div>
  );
}
