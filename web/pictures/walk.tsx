/** The way along a path, as the kernel goes it: each component with its nine bits, the three that count lit, and where it ended. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { WalkPart, WalkPicture } from '../../src/lab/serve/pictures/picture.ts';
import type { PageLab } from '../../src/lab/serve/protocol.ts';
import { ask } from '../link.ts';
import { useStore } from '../store.ts';
import { ProcessChoice, useProcess } from './process-choice.tsx';
import { cut, who } from './text.ts';
import { useWidth } from './width.ts';

const ACTIONS = ['read', 'write', 'append', 'create', 'mkdir', 'delete', 'list', 'execute', 'chmod', 'touch'];

export function Walk({ lab: { id: lab, paths } }: { readonly lab: PageLab }): JSX.Element {
  const world = useStore((state) => state.world);
  const [pid, setPid] = useProcess();
  const [uid, setUid] = useState(4242);
  const [gid, setGid] = useState(0);
  const [path, setPath] = useState(paths[0]?.path ?? '/');
  const [action, setAction] = useState(paths[0]?.action ?? 'read');
  const [picture, setPicture] = useState<WalkPicture>();
  const [trouble, setTrouble] = useState<string>();
  const [tick, setTick] = useState(0);
  const [place, width] = useWidth<HTMLDivElement>();
  // Files have no way of saying that they changed: what happens to processes, or to a check, is a good moment to look again.
  const checks = useStore((state) => state.checks);
  const world2 = JSON.stringify(world?.processes.map((one) => [one.pid, one.uid]));
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === 'visible' && setTick((value) => value + 1), 2000);
    return () => clearInterval(timer);
  }, []);
  const asker = pid ?? 0;
  useEffect(() => {
    let gone = false;
    const timer = setTimeout(() => {
      ask({ kind: 'walk', lab, pid: asker, path, action, ...(asker === 0 ? { uid, gid } : {}) }).then(
        (found) => {
          if (gone) return;
          setPicture(found);
          setTrouble(undefined);
        },
        (error: Error) => {
          if (gone) return;
          setTrouble(error.message);
        },
      );
    }, 120);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [asker, path, action, uid, gid, world2, checks, tick]);
  return (
    <div ref={place}>
      <form class="ask" onSubmit={(event) => event.preventDefault()}>
        <ProcessChoice pid={asker} choose={setPid} anybody />
        {asker === 0 && (
          <>
            <label>
              uid{' '}
              <input class="id" inputMode="numeric" value={uid} onInput={(event) => setUid(number(event.currentTarget.value))} />
            </label>
            <label>
              gid{' '}
              <input class="id" inputMode="numeric" value={gid} onInput={(event) => setGid(number(event.currentTarget.value))} />
            </label>
          </>
        )}
        <label>
          <span class="unseen">wants to</span>
          <select value={action} onChange={(event) => setAction(event.currentTarget.value)}>
            {ACTIONS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label class="grow">
          <span class="unseen">Path</span>
          <input
            class="path"
            list="walk-paths"
            value={path}
            spellcheck={false}
            onInput={(event) => {
              const next = event.currentTarget.value;
              setPath(next);
              // Chosen from the list: with what the lab does there.
              const named = paths.find((one) => one.path === next);
              if (named !== undefined) setAction(named.action);
            }}
          />
          <datalist id="walk-paths">
            {paths.map((one) => (
              <option key={`${one.action} ${one.path}`} value={one.path}>
                {one.action}
              </option>
            ))}
          </datalist>
        </label>
      </form>
      {trouble !== undefined && <p class="trouble-line">{trouble}</p>}
      {picture !== undefined && trouble === undefined && (
        <>
          <p class={`answer ${picture.allowed ? 'yes' : 'no'}`}>
            <strong>{picture.allowed ? 'allowed' : (picture.errno ?? 'denied')}</strong>{' '}
            {picture.allowed ? whyAllowed(picture) : picture.because}
          </p>
          <Drawing picture={picture} width={width} />
        </>
      )}
    </div>
  );
}

const number = (text: string): number => Math.min(4294967294, Number(text.replace(/\D/g, '')) || 0);

function whyAllowed({ parts }: WalkPicture): string {
  const through = [...new Set(parts.flatMap((part) => (part.through === undefined ? [] : [part.through])))];
  return through.length === 0 ? 'The permission bits are enough.' : `The bits say no; ${through.join(' and ')} passes over them.`;
}

const ROW = 46;
const CLASSES = ['owner', 'group', 'other'] as const;
const LETTERS = ['r', 'w', 'x'] as const;

function Drawing({ picture, width: room }: { readonly picture: WalkPicture; readonly width: number }): JSX.Element {
  const { parts } = picture;
  // Names and bits belong together: more room than this would only part them.
  const width = Math.min(room, 600);
  const height = 26 + parts.length * ROW + 6;
  const cell = width < 480 ? 15 : 20;
  const triple = 3 * cell + (width < 480 ? 5 : 10);
  const bits = width - 3 * triple - (width < 480 ? 34 : 92);
  return (
    <svg
      class="drawing walk"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      role="img"
      aria-label={inWords(picture)}
    >
      {CLASSES.map((name, index) => (
        <text
          key={name}
          class={parts.some((part) => part.class === name && part.verdict !== 'not-reached') ? 'caption counts' : 'caption'}
          x={bits + index * triple + 1.5 * cell}
          y={15}
          text-anchor="middle"
        >
          {name}
        </text>
      ))}
      {parts.map((part, index) => (
        <Row
          key={`${part.path}-${index}`}
          part={part}
          y={26 + index * ROW}
          last={index === parts.length - 1}
          bits={bits}
          cell={cell}
          triple={triple}
          width={width}
        />
      ))}
    </svg>
  );
}

interface RowProps {
  readonly part: WalkPart;
  readonly y: number;
  readonly last: boolean;
  readonly bits: number;
  readonly cell: number;
  readonly triple: number;
  readonly width: number;
}

function Row({ part, y, last, bits, cell, triple, width }: RowProps): JSX.Element {
  const owner = part.uid === undefined ? 'not there' : `${part.userName ?? part.uid}:${part.groupName ?? part.gid}`;
  const note = part.target === undefined ? owner : `${owner} → ${part.target}`;
  return (
    <g class={`part ${part.verdict}`}>
      {!last && <line class="way" x1={14} x2={14} y1={y + 20} y2={y + ROW + 14} />}
      <circle class="stop" cx={14} cy={y + 17} r={8} />
      {part.verdict === 'yes' && <path class="sign" d={`M10 ${y + 17} l3 3 l5 -6`} />}
      {part.verdict === 'no' && <path class="sign" d={`M10.5 ${y + 13.5} l7 7 m0 -7 l-7 7`} />}
      <text class="name" x={32} y={y + 15}>
        {cut(part.name, bits - 44, 13)}
      </text>
      <text class={`owner ${part.uid === undefined ? '' : who(part.uid)}`} x={32} y={y + 32}>
        {cut(note, bits - 44)}
      </text>
      {part.bits !== undefined && part.target === undefined && (
        <>
          {CLASSES.map((name, group) => {
            const lit = part.class === name || (part.class === 'acl' && name === 'group');
            return (
              <g key={name} class={lit ? 'triple lit' : 'triple'}>
                {LETTERS.map((letter, index) => {
                  const on = ((part.bits ?? 0) >> (8 - group * 3 - index)) & 1;
                  const asked = lit && part.needed?.includes(letter) === true;
                  return (
                    <g key={letter} class={`bit${on ? ' on' : ''}${asked ? (on ? ' enough' : ' lacking') : ''}`}>
                      <rect x={bits + group * triple + index * cell + 1} y={y + 6} width={cell - 2} height={22} rx={4} />
                      <text x={bits + group * triple + (index + 0.5) * cell} y={y + 21.5} text-anchor="middle">
                        {on ? letter : '–'}
                      </text>
                    </g>
                  );
                })}
              </g>
            );
          })}
          <text class="needs" x={width - 4} y={y + 16} text-anchor="end">
            {part.needed === undefined ? '' : width < 480 ? part.needed : `needs ${part.needed}`}
          </text>
          {part.through !== undefined && width >= 480 && (
            <text class="through" x={width - 4} y={y + 31} text-anchor="end">
              capability
            </text>
          )}
        </>
      )}
    </g>
  );
}

function inWords({ who: asker, uid, gid, groups, action, path, allowed, errno, parts }: WalkPicture): string {
  const way = parts.map(({ path: at, mode, userName, uid: owner, verdict, class: counts, needed }) => {
    const says = verdict === 'yes' ? 'passes' : verdict === 'no' ? 'says no' : 'is not reached';
    if (mode === undefined) return `${at} is not there`;
    return `${at}, ${mode}, of ${userName ?? owner}${counts === undefined ? '' : `, the ${counts} bits count`}${needed === undefined ? '' : `, needs ${needed}`}, ${says}`;
  });
  return `${asker} with uid ${uid}, gid ${gid}, groups ${groups.join(' ') || 'none'} wants to ${action} ${path}: ${allowed ? 'allowed' : errno}. ${way.join('. ')}`;
}
