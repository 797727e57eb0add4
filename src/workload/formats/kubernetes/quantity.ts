/** Amounts as Kubernetes writes them (k8s.io/apimachinery pkg/api/resource/quantity.go). */

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const DECIMAL: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
};

/** `64Mi` → 67108864, `1.5k` → 1500, `2e3` → 2000; a number is itself. Rounded up to whole units, as Value() does. Undefined: it is none. */
export function quantity(value: unknown): number | undefined {
  if (typeof value === 'number') return Math.ceil(value);
  const match = typeof value === 'string' ? /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([A-Za-z]{0,2}))$/.exec(value) : null;
  if (match === null) return undefined;
  const [, digits, exponent, suffix = ''] = match;
  const power = BINARY.indexOf(suffix);
  const factor = exponent !== undefined ? 10 ** Number(exponent) : power >= 0 ? 1024 ** power : DECIMAL[suffix];
  return factor === undefined ? undefined : Math.ceil(Number(digits) * factor);
}
