/** A lab: its text beside its terminals, pictures below them. On a narrow screen one of the three is shown at a time. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Icon, type IconName } from './icon.tsx';
import { LabText } from './lab-text.tsx';
import { ask, lookAt, tryAsk } from './link.ts';
import { openSteps } from './open-steps.ts';
import { Pictures } from './pictures/pictures.tsx';
import { keepPlace, placeIn } from './place.ts';
import { ScreenReaderSwitch, ThemeButton } from './settings-buttons.tsx';
import { emptyLab, get, set, useStore } from './store.ts';
import { Terminals } from './terminals.tsx';

type Part = 'text' | 'terminals' | 'pictures';
const PARTS: readonly (readonly [Part, string])[] = [
  ['text', 'Text'],
  ['terminals', 'Terminal'],
  ['pictures', 'Picture'],
];

export function LabScreen({ id }: { readonly id: string }): JSX.Element {
  const lab = useStore((state) => state.lab);
  const link = useStore((state) => state.link);
  const [part, setPart] = useState<Part>(() => PARTS.find(([value]) => value === placeIn(id).part)?.[0] ?? 'text');
  useEffect(() => keepPlace(id, { part }), [part]);
  const [failed, setFailed] = useState<string>();
  useLook(id);
  useEffect(() => {
    if (link !== 'connected' || get().lab?.id === id) return;
    ask({ kind: 'lab', lab: id }).then(
      (found) => {
        set({ lab: found });
        document.title = `${found.id} ${found.title} · unroot workshop`;
      },
      (error: Error) => setFailed(error.message),
    );
  }, [id, link]);
  useEffect(() => {
    const show = (event: Event): void => setPart((event as CustomEvent<Part>).detail);
    document.addEventListener('unroot-show', show);
    return () => document.removeEventListener('unroot-show', show);
  }, []);
  useRegionKey();
  if (failed !== undefined)
    return (
      <main class="alone">
        <h1>{failed}</h1>
        <a href="#/">All labs</a>
      </main>
    );
  return (
    <div class={`lab show-${part}`}>
      <LabHeader />
      <nav class="parts" aria-label="Parts of the lab">
        {PARTS.map(([value, words]) => (
          <button key={value} type="button" aria-pressed={part === value} onClick={() => setPart(value)}>
            {words}
          </button>
        ))}
      </nav>
      {/* All three: on a phone only one of them is there. */}
      <main>
        <section class="text" id="text" tabIndex={-1} aria-label="Text">
          {lab === undefined ? <p class="quiet">Loading …</p> : <LabText lab={lab} />}
        </section>
        <div class="right">
          <Terminals id={id} />
          {lab !== undefined && <Pictures lab={lab} />}
        </div>
      </main>
    </div>
  );
}

/** Tells the server what is on the screen. */
function useLook(lab: string): void {
  useEffect(() => {
    const look = (): void => lookAt({ lab, steps: openSteps(), world: true, visible: document.visibilityState === 'visible' });
    look();
    document.addEventListener('visibilitychange', look);
    document.addEventListener('unroot-steps', look);
    return () => {
      document.removeEventListener('visibilitychange', look);
      document.removeEventListener('unroot-steps', look);
      set(emptyLab);
    };
  }, [lab]);
}

/** F6 goes on to the next part, as in browsers and desktops: out of a terminal, where Tab belongs to the shell. */
function useRegionKey(): void {
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.key !== 'F6') return;
      event.preventDefault();
      const regions = [...document.querySelectorAll<HTMLElement>('#text, #terminals, #pictures')].filter(
        (one) => one.offsetParent !== null,
      );
      const at = regions.findIndex((one) => one.contains(document.activeElement));
      const next = regions[(at + (event.shiftKey ? regions.length - 1 : 1)) % regions.length];
      (next?.querySelector<HTMLElement>('.pane.active textarea') ?? next)?.focus();
    };
    document.addEventListener('keydown', key, true);
    return () => document.removeEventListener('keydown', key, true);
  }, []);
}

function LabHeader(): JSX.Element {
  const lab = useStore((state) => state.lab);
  const done = useStore((state) => state.progress?.done) ?? [];
  const room = useStore((state) => state.room);
  const running = room?.state === 'ready';
  return (
    <header class="top">
      <a class="back" href="#/" aria-label="All labs" title="All labs">
        <Icon name="back" />
      </a>
      <h1>
        {lab !== undefined && (
          <>
            <span class="number">{lab.id}</span> {lab.title}
          </>
        )}
      </h1>
      {lab !== undefined && (
        <span class="dots" role="img" aria-label={`${done.length} of ${lab.steps.length} steps done`}>
          {lab.steps.map(({ id }) => (
            <i key={id} class={done.includes(id) ? 'done' : ''} />
          ))}
        </span>
      )}
      <span class="grow" />
      {lab !== undefined && running && (
        <>
          <SureButton
            icon="reset"
            words="Reset"
            sure="Throw this machine away?"
            title="Begin with a fresh machine; progress stays"
            act={() => void tryAsk({ kind: 'reset', lab: lab.id })}
          />
          <SureButton
            icon="stop"
            words="Stop"
            sure="End everything in it?"
            title="End every process of the lab; progress stays"
            act={() => void tryAsk({ kind: 'stop', lab: lab.id })}
          />
        </>
      )}
      <details class="menu">
        <summary aria-label="Settings">⋯</summary>
        <div>
          <ScreenReaderSwitch />
          <p class="quiet">
            <kbd>F6</kbd> goes from part to part, out of terminals too.
          </p>
        </div>
      </details>
      <ThemeButton />
    </header>
  );
}

interface SureProps {
  readonly icon: IconName;
  readonly words: string;
  readonly sure: string;
  readonly title: string;
  readonly act: () => void;
}

/** Asks once more in the same place; who does not press again within four seconds did not mean it. */
function SureButton({ icon, words, sure, title, act }: SureProps): JSX.Element {
  const [asking, setAsking] = useState(false);
  useEffect(() => {
    if (!asking) return;
    const timer = setTimeout(() => setAsking(false), 4000);
    return () => clearTimeout(timer);
  }, [asking]);
  return (
    <button
      type="button"
      class={`small${asking ? ' sure' : ''}`}
      title={title}
      aria-label={asking ? sure : words}
      onClick={() => {
        setAsking(!asking);
        if (asking) act();
      }}
    >
      <Icon name={icon} /> <span class={asking ? '' : 'wide'}>{asking ? sure : words}</span>
    </button>
  );
}
