/** One process, two views: its pid and uid inside the container, and as the host sees the very same process. */
import type { JSX } from 'preact';
import type { SeenProcess, SeenSocket } from '../../src/lab/serve/pictures/picture.ts';
import { useStore } from '../store.ts';
import { cut, who } from './text.ts';
import { useWidth } from './width.ts';

const ROW = 62;
const HEAD = 34;

export function Processes(): JSX.Element {
  const world = useStore((state) => state.world);
  const [place, width] = useWidth<HTMLDivElement>();
  const inside = (world?.processes ?? []).filter(({ container }) => container).slice(0, 12);
  const shells = (world?.processes ?? []).filter(({ container, pid }) => !container && pid !== 1).slice(0, 6);
  const all = [...inside, ...shells];
  const sockets = world?.sockets ?? [];
  return (
    <div ref={place}>
      {all.length === 0 ? (
        <p class="empty">Nothing runs yet. Start a container, and its processes appear here, seen from both sides.</p>
      ) : (
        <>
          <Drawing width={width} inside={inside} shells={shells} sockets={sockets} />
          {inside.length === 0 && <p class="empty">No container runs at the moment.</p>}
          {(world?.more ?? 0) > 0 && <p class="quiet">and {world?.more} more processes</p>}
        </>
      )}
    </div>
  );
}

interface DrawingProps {
  readonly width: number;
  readonly inside: readonly SeenProcess[];
  readonly shells: readonly SeenProcess[];
  readonly sockets: readonly SeenSocket[];
}

function Drawing({ width, inside, shells, sockets }: DrawingProps): JSX.Element {
  const rows = [...inside, ...shells];
  const height = HEAD + rows.length * ROW + 8;
  const gap = width < 480 ? 26 : 70;
  const box = (width - gap) / 2;
  const right = inside.length === 0 ? 0 : box + gap;
  const hostBox = inside.length === 0 ? Math.min(width, 460) : box - 10;
  const zones: { readonly namespace: string; readonly from: number; count: number }[] = [];
  for (const [index, { namespace }] of inside.entries()) {
    const last = zones.at(-1);
    if (last?.namespace === namespace) last.count += 1;
    else zones.push({ namespace, from: index, count: 1 });
  }
  return (
    <svg class="drawing" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={inWords(rows)}>
      {zones.map(({ from, count }) => (
        <rect key={from} class="zone" x={0.5} y={HEAD + from * ROW - 4.5} width={box - 1} height={count * ROW - 1} rx={12} />
      ))}
      <text class="caption" x={4} y={17}>
        {zones.length === 0 ? '' : zones.length === 1 ? 'inside the container' : 'inside the containers'}
      </text>
      <text class="caption" x={right + 4} y={17}>
        on the host
      </text>
      {rows.map((one, index) => {
        const y = HEAD + index * ROW;
        const port = sockets.find(({ pid }) => pid === one.pid);
        const same = one.uid === one.uidInside;
        return (
          <g key={one.pid} class="appears">
            {one.container && (
              <>
                <Box x={10} y={y} width={box - 20} uid={one.uidInside} pid={one.pidInside} text={one.command} port={undefined} />
                <line class={`tie ${who(one.uid)}`} x1={box - 10} x2={right} y1={y + 26} y2={y + 26} />
                {gap > 40 && (
                  <text class="tie-text" x={box + gap / 2 - 5} y={y + 20}>
                    {same ? 'same uid' : 'mapped'}
                  </text>
                )}
              </>
            )}
            <Box x={right} y={y} width={hostBox} uid={one.uid} pid={one.pid} text={one.command} port={port} />
          </g>
        );
      })}
    </svg>
  );
}

interface BoxProps {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly uid: number;
  readonly pid: number;
  readonly text: string;
  readonly port: SeenSocket | undefined;
}

function Box({ x, y, width, uid, pid, text, port }: BoxProps): JSX.Element {
  const ears = port === undefined ? '' : ` ⟵ :${port.port}`;
  return (
    <g class={who(uid)}>
      <rect class="process" x={x} y={y} width={width} height={52} rx={9} />
      <text class="uid" x={x + 12} y={y + 22}>
        {uid === 0 ? 'root' : 'uid'} {uid}
      </text>
      <text class="pid" x={x + width - 12} y={y + 21} text-anchor="end">
        {width > 150 ? 'pid ' : ''}
        {pid}
        {ears}
      </text>
      <text class="command" x={x + 12} y={y + 41}>
        {cut(text, width - 24)}
      </text>
    </g>
  );
}

function inWords(rows: readonly SeenProcess[]): string {
  const words = rows.map(({ container, command, pidInside, pid, uid, uidInside }) =>
    container
      ? `${command}: inside the container pid ${pidInside} with uid ${uidInside}, on the host pid ${pid} with uid ${uid}`
      : `${command}: on the host, pid ${pid}, uid ${uid}`,
  );
  return `Processes. ${words.join('. ')}`;
}
