/** Text of a page → message. Everything is looked at: types, lengths, ranges. Undefined: nobody's page says this. */
import type { Ask, FromPage, TerminalPlace } from './protocol.ts';

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const isCount = (value: unknown, most = 0xffff_ffff): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
const isText = (value: unknown, most = 128): value is string => typeof value === 'string' && value.length <= most;

export function readFromPage(text: string): FromPage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isFields(value)) return undefined;
  const { type, terminal, cols, rows, bytes } = value;
  if (type === 'beat') return { type };
  if (type === 'size')
    return isCount(terminal) && isCount(cols, 1000) && isCount(rows, 1000) ? { type, terminal, cols, rows } : undefined;
  if (type === 'drawn') return isCount(terminal) && isCount(bytes) ? { type, terminal, bytes } : undefined;
  if (type === 'look') return readLook(value);
  if (type === 'ask' && isCount(value.id) && isFields(value.ask)) {
    const ask = readAsk(value.ask);
    return ask === undefined ? undefined : { type, id: value.id, ask };
  }
  return undefined;
}

function readLook({ lab, steps = [], world = false, visible }: Fields): FromPage | undefined {
  if (typeof visible !== 'boolean' || typeof world !== 'boolean' || (lab !== undefined && !isText(lab))) return undefined;
  if (!Array.isArray(steps) || steps.length > 10 || !steps.every((step) => isText(step))) return undefined;
  return { type: 'look', ...(lab === undefined ? {} : { lab }), steps, world, visible };
}

function readAsk(fields: Fields): Ask | undefined {
  const { kind, lab, step, choice, place, cols, rows, terminal, pid, uid, gid, path, action, image } = fields;
  if (kind === 'labs') return { kind };
  if (!isText(lab)) return undefined;
  switch (kind) {
    case 'lab':
    case 'start':
    case 'stop':
    case 'reset':
      return { kind, lab };
    case 'hint':
    case 'solution':
    case 'solve':
      return isText(step) ? { kind, lab, step } : undefined;
    case 'answer':
      return isText(step) && isCount(choice, 100) ? { kind, lab, step, choice } : undefined;
    case 'terminal': {
      const where = readPlace(place);
      return where !== undefined && isCount(cols, 1000) && isCount(rows, 1000)
        ? { kind, lab, place: where, cols, rows }
        : undefined;
    }
    case 'close-terminal':
      return isCount(terminal) ? { kind, lab, terminal } : undefined;
    case 'walk':
      if (!isCount(pid) || !isText(path, 4095) || !isText(action, 20)) return undefined;
      if ((uid !== undefined && !isCount(uid)) || (gid !== undefined && !isCount(gid))) return undefined;
      return { kind, lab, pid, path, action, ...(uid === undefined ? {} : { uid }), ...(gid === undefined ? {} : { gid }) };
    case 'exec':
      return isCount(pid) && isText(path, 4095) ? { kind, lab, pid, path } : undefined;
    case 'layers':
      return isText(image) ? { kind, lab, image } : undefined;
    default:
      return undefined;
  }
}

function readPlace(place: unknown): TerminalPlace | undefined {
  if (place === 'host') return place;
  return isFields(place) && isCount(place.container) ? { container: place.container } : undefined;
}
