/** Keeps of a fixed project what the proof of the whole bears out: who does less is left as it is, and the rest is proved again. */
import type { ProjectProof } from '../compose/prove-project.ts';
import type { Together } from './compose-together.ts';
import type { Attempt, DecidedService, Settled } from './settle-compose.ts';

export interface Proved extends Pick<Settled, 'settled' | 'tried'> {
  readonly settled: readonly DecidedService[];
  readonly tried: Attempt;
  /** Of what is left; absent: nothing was changed that could be proved. */
  readonly proof?: ProjectProof;
}

/** Each time somebody is left alone; the last time everybody. */
const MOST_PROOFS = 3;

export async function provedTogether(made: Omit<Settled, 'before'>, together: Together): Promise<Proved> {
  let { settled, tried } = made;
  for (let turn = 1; settled.some(isChanged); turn += 1) {
    const proof = await together.proof(tried.project);
    const verdicts = new Map(proof.services.map((service) => [service.name, service]));
    const whole = proof.services.every(({ verdict }) => verdict === 'proved') && proof.verdict === 'proved';
    settled = settled.map((one): DecidedService => {
      const verdict = verdicts.get(one.one.workload.name)?.verdict;
      return verdict === undefined || !isChanged(one) ? one : { ...one, verdict };
    });
    if (whole) return { settled, tried, proof };
    const guilty = settled.filter((one) => isChanged(one) && one.verdict !== 'proved');
    // What does less may be somebody who was not changed, and hangs on one who was.
    const taken = guilty.length > 0 && turn < MOST_PROOFS ? guilty : settled.filter(isChanged);
    settled = settled.map((one) => (taken.includes(one) ? leftAsItIs(one, proof) : one));
    tried = await made.attempt(settled);
    if (!settled.some(isChanged)) return { settled, tried, proof };
  }
  return { settled, tried };
}

const isChanged = ({ outcome, change }: DecidedService): boolean => outcome === 'changed' && change !== undefined;

function leftAsItIs(one: DecidedService, proof: ProjectProof): DecidedService {
  const own = proof.services.find(({ name }) => name === one.one.workload.name);
  const all = own?.verdict === 'proved' || own === undefined ? proof.services.find(({ verdict }) => verdict !== 'proved') : own;
  const reason = (all?.reasons ?? proof.reasons).find(({ kind }) => kind === 'bad' || kind === 'unsure');
  const who = all === undefined || all === own ? 'it was not proved to work' : `${all.name} was not proved to work`;
  const message = `among the others ${who} (${all?.verdict ?? proof.verdict}${reason === undefined ? '' : `: ${reason.text}`})`;
  const { change: _, ...rest } = one;
  return { ...rest, outcome: 'left', message, reasons: new Map([['', message]]) };
}
