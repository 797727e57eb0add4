/** Which process a picture is about: the first one of a container, as long as nobody chose another. */
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { useStore } from '../store.ts';

/** The pid as the host counts; undefined: nothing runs. */
export function useProcess(): [number | undefined, (pid: number | undefined) => void] {
  const world = useStore((state) => state.world);
  const [chosen, choose] = useState<number>();
  const processes = world?.processes ?? [];
  if (chosen === 0 || processes.some(({ pid }) => pid === chosen)) return [chosen, choose];
  const [standard] = [
    ...processes.filter(({ container, first }) => container && first),
    ...processes.filter(({ pid }) => pid !== 1),
    ...processes,
  ];
  return [standard?.pid, choose];
}

interface ChoiceProps {
  readonly pid: number | undefined;
  readonly choose: (pid: number | undefined) => void;
  /** Offers “somebody with uid”, which is 0. */
  readonly anybody?: boolean;
}

export function ProcessChoice({ pid, choose, anybody = false }: ChoiceProps): JSX.Element {
  const world = useStore((state) => state.world);
  const processes = (world?.processes ?? []).filter((one) => one.pid !== 1);
  return (
    <label class="process-choice">
      <span class="unseen">Process</span>
      <select value={String(pid ?? '')} onChange={(event) => choose(Number(event.currentTarget.value))}>
        {processes.map((one) => (
          <option key={one.pid} value={String(one.pid)}>
            {one.container ? 'container' : 'host'} · {one.command.length > 26 ? `${one.command.slice(0, 25)}…` : one.command} ·
            uid {one.uidInside}
          </option>
        ))}
        {anybody && <option value="0">somebody with uid …</option>}
      </select>
    </label>
  );
}
