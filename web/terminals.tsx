/** The right side: terminals in tabs, one pane or two. They live on the server; here they are only shown. */
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { SeenProcess } from '../src/lab/serve/pictures/picture.ts';
import type { TerminalInfo, TerminalPlace } from '../src/lab/serve/protocol.ts';
import { Icon } from './icon.tsx';
import { Start } from './lab-text.tsx';
import { tryAsk } from './link.ts';
import { activate, isSplit, keep, show, split, usePanes } from './panes.ts';
import { useStore } from './store.ts';
import { shownView, viewOf } from './views.ts';

export function Terminals({ id }: { readonly id: string }): JSX.Element {
  const terminals = useStore((state) => state.terminals);
  const room = useStore((state) => state.room);
  const lab = useStore((state) => state.lab);
  const panes = usePanes();
  const ids = terminals.map((terminal) => terminal.id);
  useEffect(() => keep(ids), [ids.join()]);
  const ready = room?.state === 'ready';
  return (
    <section class="terminals" id="terminals" tabIndex={-1} aria-label="Terminals">
      {ready && <Bar id={id} terminals={terminals} />}
      <div class={`panes${panes.shown.length > 1 ? ' two' : ''}`}>
        {ready && terminals.length > 0 ? (
          panes.shown.map((shown, index) => (
            <Pane
              key={index}
              index={index}
              info={terminals.find((one) => one.id === shown)}
              active={panes.active === index}
              labelled={panes.shown.length > 1}
            />
          ))
        ) : (
          <div class="no-terminal">
            {ready ? (
              <button type="button" onClick={() => void open(id, 'host')}>
                <Icon name="plus" /> Open a terminal
              </button>
            ) : (
              lab !== undefined && (
                <>
                  <p>Your terminals will be here: shells in a small Linux that is thrown away afterwards.</p>
                  <Start lab={lab} />
                </>
              )
            )}
          </div>
        )}
      </div>
    </section>
  );
}

async function open(lab: string, place: TerminalPlace, beside = place !== 'host'): Promise<void> {
  const opened = await tryAsk({ kind: 'terminal', lab, place, cols: 80, rows: 24 });
  if (opened === undefined) return;
  // A shell inside belongs beside one outside.
  if (beside) {
    split(true, [opened.terminal]);
    show(opened.terminal, 1);
  } else show(opened.terminal);
  setTimeout(() => shownView(opened.terminal)?.focus(), 150);
}

function Bar({ id, terminals }: { readonly id: string; readonly terminals: readonly TerminalInfo[] }): JSX.Element {
  const panes = usePanes();
  const world = useStore((state) => state.world);
  const containers = (world?.processes ?? []).filter(({ container, first }) => container && first);
  const key = (event: KeyboardEvent): void => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined || terminals.length === 0) return;
    const at = terminals.findIndex((one) => one.id === panes.shown[panes.active]);
    const next = terminals[(at + step + terminals.length) % terminals.length];
    if (next === undefined) return;
    show(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return (
    <div class="bar">
      <div class="tabs" role="tablist" aria-label="Terminals" onKeyDown={key}>
        {terminals.map((terminal, index) => {
          const selected = panes.shown[panes.active] === terminal.id;
          return (
            <button
              key={terminal.id}
              id={`tab-${terminal.id}`}
              type="button"
              role="tab"
              aria-selected={selected}
              aria-controls={`pane-${panes.active}`}
              tabIndex={selected ? 0 : -1}
              class={`${terminal.place}${panes.shown.includes(terminal.id) ? ' visible' : ''}${terminal.ended === undefined ? '' : ' ended'}`}
              onClick={() => {
                show(terminal.id);
                setTimeout(() => shownView(terminal.id)?.focus(), 50);
              }}
            >
              <i aria-hidden="true" />
              {index + 1} {terminal.title}
              {terminal.ended === undefined ? '' : ' (ended)'}
            </button>
          );
        })}
      </div>
      <button type="button" class="small" onClick={() => void open(id, 'host')} title="Another shell on the lab's host">
        <Icon name="plus" /> <span>Host</span>
      </button>
      <Inside lab={id} containers={containers} />
      <button
        type="button"
        class="small"
        aria-pressed={isSplit()}
        title="Two terminals side by side"
        onClick={() => {
          const ids = terminals.map((one) => one.id);
          // Two panes want two shells.
          if (!isSplit() && ids.length < 2) void open(id, 'host', true);
          else split(!isSplit(), ids);
        }}
      >
        <Icon name="split" /> <span class="wide">Split</span>
      </button>
    </div>
  );
}

const nameOf = ({ command, pid }: SeenProcess): string =>
  `${command.length > 28 ? `${command.slice(0, 27)}…` : command} (pid ${pid})`;

/** A shell inside a container: at once when there is one, after a choice when there are more. */
function Inside({ lab, containers }: { readonly lab: string; readonly containers: readonly SeenProcess[] }): JSX.Element {
  const [only] = containers;
  if (containers.length <= 1) {
    return (
      <button
        type="button"
        class="small"
        disabled={only === undefined}
        title={only === undefined ? 'No container is running' : `A shell inside ${nameOf(only)}, beside the host's`}
        onClick={() => only !== undefined && void open(lab, { container: only.pid })}
      >
        <Icon name="plus" /> <span>Inside</span>
      </button>
    );
  }
  return (
    <select
      class="small"
      aria-label="Open a shell inside a container"
      value=""
      onChange={(event) => {
        const pid = Number(event.currentTarget.value);
        event.currentTarget.value = '';
        if (pid > 0) void open(lab, { container: pid });
      }}
    >
      <option value="">+ Inside …</option>
      {containers.map((one) => (
        <option key={one.pid} value={one.pid}>
          {nameOf(one)}
        </option>
      ))}
    </select>
  );
}

interface PaneProps {
  readonly index: number;
  readonly info: TerminalInfo | undefined;
  readonly active: boolean;
  readonly labelled: boolean;
}

function Pane({ index, info, active, labelled }: PaneProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const id = info?.id;
  useEffect(() => {
    const box = place.current;
    if (box === null || info === undefined) return;
    let gone = false;
    let stop: (() => void) | undefined;
    void viewOf(info).then((view) => {
      if (gone) return;
      box.replaceChildren(view.element);
      const adapt = (): void => void requestAnimationFrame(() => view.fit());
      const observer = new ResizeObserver(adapt);
      observer.observe(box);
      addEventListener('focus', adapt);
      adapt();
      if (active) view.focus();
      stop = () => {
        observer.disconnect();
        removeEventListener('focus', adapt);
        if (view.element.parentElement === box) view.element.remove();
      };
    });
    return () => {
      gone = true;
      stop?.();
    };
  }, [id]);
  const where = info?.place === 'container' ? 'inside the container' : 'seen from the host';
  return (
    <div
      class={`pane${active ? ' active' : ''} ${info?.place ?? ''}`}
      id={`pane-${index}`}
      role="tabpanel"
      aria-label={info === undefined ? 'No terminal' : `${info.title} ${info.id}`}
      onFocusCapture={() => activate(index)}
      onPointerDown={() => activate(index)}
    >
      {labelled && (
        <p class="where">
          <i aria-hidden="true" />
          {info === undefined ? 'empty: choose a tab' : where}
          {info !== undefined && <CloseButton info={info} />}
        </p>
      )}
      <div class="screen" ref={place} />
      {info?.ended !== undefined && (
        <p class="over">
          This shell is over ({info.ended}). <CloseButton info={info} words="Close" />
        </p>
      )}
    </div>
  );
}

function CloseButton({ info, words }: { readonly info: TerminalInfo; readonly words?: string }): JSX.Element {
  const lab = useStore((state) => state.lab?.id);
  return (
    <button
      type="button"
      class={words === undefined ? 'plain' : 'small'}
      aria-label={`Close terminal ${info.id}`}
      title="End this shell"
      onClick={() => lab !== undefined && void tryAsk({ kind: 'close-terminal', lab, terminal: info.id })}
    >
      {words ?? <Icon name="close" />}
    </button>
  );
}
