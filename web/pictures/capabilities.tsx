/** The five capability sets of a process as a punch card, and what they become when it executes a file. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ExecPicture } from '../../src/lab/serve/pictures/picture.ts';
import {
  CAPABILITIES,
  type Capability,
  type CapabilitySet,
  type CapabilityState,
  capabilityMask,
} from '../../src/linux/capability.ts';
import { ask } from '../link.ts';
import { useStore } from '../store.ts';
import { ProcessChoice, useProcess } from './process-choice.tsx';
import { who } from './text.ts';
import { useWidth } from './width.ts';

const SETS = ['inheritable', 'permitted', 'effective', 'bounding', 'ambient'] as const;
/** As /proc/PID/status abbreviates them. */
const SHORT: Readonly<Record<(typeof SETS)[number], string>> = {
  inheritable: 'CapInh',
  permitted: 'CapPrm',
  effective: 'CapEff',
  bounding: 'CapBnd',
  ambient: 'CapAmb',
};

export function Capabilities({ lab }: { readonly lab: string }): JSX.Element {
  const world = useStore((state) => state.world);
  const [pid, setPid] = useProcess();
  const [path, setPath] = useState('/bin/sh');
  const [asked, setAsked] = useState('/bin/sh');
  const [picture, setPicture] = useState<ExecPicture>();
  const [trouble, setTrouble] = useState<string>();
  const [place, width] = useWidth<HTMLDivElement>();
  const [marked, setMarked] = useState<Capability>();
  const process = world?.processes.find((one) => one.pid === pid);
  const state = JSON.stringify([process?.capabilities, process?.uid, process?.noNewPrivileges]);
  useEffect(() => {
    if (pid === undefined) return setPicture(undefined);
    let gone = false;
    ask({ kind: 'exec', lab, pid, path: asked }).then(
      (found) => {
        if (gone) return;
        setPicture(found);
        setTrouble(undefined);
      },
      (error: Error) => !gone && setTrouble(error.message),
    );
    return () => {
      gone = true;
    };
  }, [pid, asked, state]);
  if (pid === undefined) return <p class="empty">Nothing runs yet whose capabilities could be looked at.</p>;
  return (
    <div ref={place}>
      <form
        class="ask"
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(path);
        }}
      >
        <ProcessChoice pid={pid} choose={setPid} />
        <label>
          executes{' '}
          <input class="path" value={path} size={16} spellcheck={false} onInput={(event) => setPath(event.currentTarget.value)} />
        </label>
        <button type="submit" class="small">
          Show
        </button>
      </form>
      {trouble !== undefined && <p class="trouble-line">{trouble}</p>}
      {picture !== undefined && trouble === undefined && (
        <>
          <Cards picture={picture} width={width} marked={marked} mark={setMarked} />
          <Names picture={picture} marked={marked} mark={setMarked} />
          <ol class="reasons">
            {picture.steps.map((step) => (
              <li key={step}>{step}</li>
            ))}
          </ol>
        </>
      )}
    </div>
  );
}

const LABEL = 106;
const HEX = 138;
const LINE = 20;

interface CardProps {
  readonly picture: ExecPicture;
  readonly width: number;
  readonly marked: Capability | undefined;
  readonly mark: (name: Capability | undefined) => void;
}

function Cards({ picture, width, marked, mark }: CardProps): JSX.Element {
  const wide = width > 560;
  const cells = width - LABEL - (wide ? HEX : 0) - 16;
  const cell = cells / CAPABILITIES.length;
  const card = 32 + SETS.length * LINE + 6;
  const middle = 54;
  const height = 2 * card + middle;
  const { before, after, file, noNewPrivileges, uid, errno } = picture;
  const row = (state: CapabilityState, set: (typeof SETS)[number], y: number, other: CapabilitySet | undefined): JSX.Element => (
    <g key={set}>
      <text class="set" x={14} y={y + 13}>
        {set}
      </text>
      {CAPABILITIES.map((name, number) => {
        const on = state[set].includes(name);
        const changed = other !== undefined && other.includes(name) !== on;
        return (
          <rect
            key={name}
            class={`cell${on ? ' on' : ''}${changed ? (on ? ' came' : ' went') : ''}${marked === name ? ' marked' : ''}`}
            x={LABEL + number * cell + 0.75}
            y={y + 2}
            width={Math.max(2, cell - 1.5)}
            height={LINE - 6}
            rx={Math.min(3, cell / 4)}
            onPointerEnter={() => mark(name)}
            onPointerLeave={() => mark(undefined)}
          >
            <title>{`${name}: ${on ? 'in' : 'not in'} the ${set} set`}</title>
          </rect>
        );
      })}
      {wide && (
        <text class="hex" x={width - 14} y={y + 13} text-anchor="end">
          {capabilityMask(state[set]).toString(16).padStart(16, '0')}
        </text>
      )}
    </g>
  );
  return (
    <svg
      class="drawing capabilities"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={inWords(picture)}
    >
      <rect class="zone" x={0.5} y={0.5} width={width - 1} height={card} rx={12} />
      <text class="caption" x={14} y={22}>
        now
      </text>
      <text class={`caption ${who(uid)}`} x={LABEL} y={22}>
        uid {uid}
        {noNewPrivileges ? ', no_new_privs' : ''}
      </text>
      {SETS.map((set, index) => row(before, set, 32 + index * LINE, undefined))}
      <line class="arrow" x1={26} x2={26} y1={card + 8} y2={card + middle - 8} />
      <path class="arrow-head" d={`M20 ${card + middle - 14} l6 7 l6 -7`} />
      <text class="exec" x={46} y={card + 23}>
        execve {file.path}
      </text>
      <text class="exec-facts" x={46} y={card + 41}>
        {file.mode} {file.uid}:{file.gid}
        {file.capabilities === undefined ? ', no file capabilities' : `, ${fileText(file.capabilities)}`}
      </text>
      {after === undefined ? (
        <text class="refused" x={46} y={card + middle + 24}>
          refused: {errno}
        </text>
      ) : (
        <>
          <rect class="zone" x={0.5} y={card + middle + 0.5} width={width - 1} height={card - 1} rx={12} />
          <text class="caption" x={14} y={card + middle + 22}>
            then
          </text>
          <text class={`caption ${who(after.uid)}`} x={LABEL} y={card + middle + 22}>
            uid {after.uid}
          </text>
          {SETS.map((set, index) => row(after.capabilities, set, card + middle + 32 + index * LINE, before[set]))}
        </>
      )}
    </svg>
  );
}

const short = (name: string): string => name.replace(/^CAP_/, '').toLowerCase();

function fileText({ permitted, inheritable, effective }: NonNullable<ExecPicture['file']['capabilities']>): string {
  const names = [...new Set([...permitted, ...inheritable])].map((name) => `cap_${short(name)}`).join(',');
  return `${names}=${effective ? 'e' : ''}${permitted.length > 0 ? 'p' : ''}${inheritable.length > 0 ? 'i' : ''}`;
}

/** Every capability of any set by name: the cells above are small. */
function Names({ picture, marked, mark }: Omit<CardProps, 'width'>): JSX.Element {
  const { before, after } = picture;
  const then = after?.capabilities ?? before;
  const any = CAPABILITIES.filter((name) => SETS.some((set) => before[set].includes(name) || then[set].includes(name)));
  const effective = any.filter((name) => before.effective.includes(name) || then.effective.includes(name));
  const others = any.filter((name) => !effective.includes(name));
  const change = (name: Capability): '' | 'gained' | 'lost' => {
    const [now, later] = [before.effective.includes(name), then.effective.includes(name)];
    return now === later ? '' : later ? 'gained' : 'lost';
  };
  const list = (names: CapabilitySet, words: string): JSX.Element | null =>
    names.length === 0 ? null : (
      <div class="names">
        <p>{words}</p>
        <ul aria-label={words}>
          {names.map((name) => (
            <li
              key={name}
              class={`${then.effective.includes(name) ? 'on' : ''} ${change(name)}${marked === name ? ' marked' : ''}`}
              onPointerEnter={() => mark(name)}
              onPointerLeave={() => mark(undefined)}
            >
              {short(name)}
              {change(name) !== '' && <span> {change(name)}</span>}
            </li>
          ))}
        </ul>
      </div>
    );
  if (any.length === 0) return <p class="quiet">No capability in any of the ten sets.</p>;
  return (
    <>
      {list(effective, 'effective: what the kernel asks')}
      {list(others, 'in other sets only: of no use by itself')}
    </>
  );
}

function inWords({ before, after, command, file, errno }: ExecPicture): string {
  const sets = (state: CapabilityState): string =>
    SETS.map(
      (set) =>
        `${SHORT[set]} ${state[set].length === 0 ? 'empty' : state[set].length === CAPABILITIES.length ? 'all' : state[set].map(short).join(' ')}`,
    ).join(', ');
  const then = after === undefined ? `refused with ${errno}` : `uid ${after.uid}: ${sets(after.capabilities)}`;
  return `Capability sets of ${command} now: ${sets(before)}. After executing ${file.path}: ${then}`;
}
