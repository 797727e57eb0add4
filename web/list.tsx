/** Every lab: what it is about, how long it takes, how far the learner is, and what this machine lacks for it. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { BrokenCard, LabCard } from '../src/lab/serve/protocol.ts';
import { Icon } from './icon.tsx';
import { lookAt } from './link.ts';
import { MarkdownLine } from './markdown.tsx';
import { Ring } from './ring.tsx';
import { ThemeButton } from './settings-buttons.tsx';
import { emptyLab, set, useStore } from './store.ts';

type Filter = 'all' | 'open' | 'done';

const FILTERS: readonly (readonly [Filter, string])[] = [
  ['all', 'All'],
  ['open', 'To do'],
  ['done', 'Finished'],
];

export function LabList(): JSX.Element {
  const labs = useStore((state) => state.labs);
  const broken = useStore((state) => state.broken);
  const [filter, setFilter] = useState<Filter>('all');
  useEffect(() => {
    document.title = 'unroot workshop';
    set(emptyLab);
    const look = (): void => lookAt({ visible: document.visibilityState === 'visible' });
    look();
    document.addEventListener('visibilitychange', look);
    return () => document.removeEventListener('visibilitychange', look);
  }, []);
  const shown = (labs ?? []).filter(({ finished }) => filter === 'all' || finished === (filter === 'done'));
  return (
    <>
      <header class="top">
        <a class="brand" href="#/" aria-current="page">
          <Icon name="logo" /> unroot <span>workshop</span>
        </a>
        <span class="grow" />
        <ThemeButton />
      </header>
      <main class="list">
        <Intro labs={labs ?? []} />
        <fieldset class="filter">
          <legend class="unseen">Which labs</legend>
          {FILTERS.map(([value, words]) => (
            <label key={value} class={filter === value ? 'chosen' : ''}>
              <input type="radio" name="filter" checked={filter === value} onChange={() => setFilter(value)} />
              {words}
            </label>
          ))}
        </fieldset>
        {labs === undefined ? (
          <p class="quiet">Loading …</p>
        ) : (
          <ol class="cards">
            {[...shown, ...(filter === 'all' ? broken : [])]
              .sort((one, other) => Number(one.id) - Number(other.id))
              .map((lab) => ('says' in lab ? <Broken key={lab.name} lab={lab} /> : <Card key={lab.id} lab={lab} />))}
          </ol>
        )}
        {labs !== undefined && shown.length === 0 && <p class="quiet">None here.</p>}
      </main>
    </>
  );
}

function Intro({ labs }: { readonly labs: readonly LabCard[] }): JSX.Element {
  const finished = labs.filter((lab) => lab.finished).length;
  const able = labs.filter(({ missing }) => missing.length === 0);
  const next =
    labs.find((lab) => lab.room === 'ready' && !lab.finished) ??
    able.find((lab) => !lab.finished && lab.done > 0) ??
    able.find((lab) => !lab.finished);
  const left = labs.filter((lab) => !lab.finished).reduce((sum, { minutes }) => sum + minutes, 0);
  const begun = labs.some(({ done }) => done > 0);
  return (
    <section class="intro" aria-labelledby="title">
      <div>
        <h1 id="title">Stop running containers as root</h1>
        <p>
          Real shells, in a small Linux of its own that is thrown away afterwards. Every check looks at what the kernel says,
          never at what you typed. Nothing leaves this machine.
        </p>
        {next !== undefined && (
          <a class="button primary" href={`#/lab/${next.id}`}>
            <Icon name="play" /> {begun ? 'Go on' : 'Begin'} with {next.id} · {next.title}
          </a>
        )}
      </div>
      {labs.length > 0 && (
        <dl class="sums">
          <div>
            <dt>finished</dt>
            <dd>
              {finished}
              <small> of {labs.length}</small>
            </dd>
          </div>
          <div>
            <dt>left</dt>
            <dd>
              {left >= 90 ? Math.round(left / 60) : left}
              <small> {left >= 90 ? 'hours' : 'minutes'}</small>
            </dd>
          </div>
        </dl>
      )}
    </section>
  );
}

function Card({ lab }: { readonly lab: LabCard }): JSX.Element {
  const { id, title, goal, minutes, steps, done, finished, missing, room } = lab;
  const lacking = missing.length > 0;
  const state = finished ? 'finished' : done > 0 ? `${done} of ${steps} steps` : `${steps} steps`;
  return (
    <li class={`card${finished ? ' finished' : ''}${lacking ? ' lacking' : ''}`}>
      <div class="card-top">
        <span class="number" aria-hidden="true">
          {id}
        </span>
        {(room === 'ready' || room === 'starting') && <span class="badge running">running</span>}
        <Ring done={done} of={steps} finished={finished} />
      </div>
      <h2>
        {/* “group-0” is one word. */}
        <a href={`#/lab/${id}`}>{title.replace(/-(?=\d)/g, '\u2011')}</a>
      </h2>
      <p>
        <MarkdownLine text={goal} />
      </p>
      <p class="facts">
        <Icon name="clock" /> {minutes} min · {state}
      </p>
      {lacking && (
        <p class="lacks">
          <Icon name="attention" />
          <span>{missing.map(({ says }) => says).join('; ')}</span>
        </p>
      )}
    </li>
  );
}

/** One that cannot be read: what its author has to mend. */
function Broken({ lab }: { readonly lab: BrokenCard }): JSX.Element {
  const { id, name, says, get } = lab;
  return (
    <li class="card lacking broken">
      <div class="card-top">
        <span class="number" aria-hidden="true">
          {id}
        </span>
        <span class="badge bad">broken</span>
      </div>
      <h2>{name}</h2>
      <p class="lacks">
        <Icon name="attention" />
        <span>{says}</span>
      </p>
      <p class="facts">
        <code>{get}</code>
      </p>
    </li>
  );
}
