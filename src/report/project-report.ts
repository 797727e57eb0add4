/** The document of `prove` on a compose project: every service before and after, among the others. */
import type { ProjectProof, ServiceProof } from '../compose/prove-project.ts';
import type { PublishedAnswer } from '../engine/published.ts';
import { denialTexts } from '../finding/denial-texts.ts';
import type { Reason } from '../prove/reason.ts';
import type { VerdictName } from '../prove/verdict.ts';
import type { FixedFile, RunRecord } from './report.ts';
import { runRecord } from './run-record.ts';

/** One side, with what only shows among others. */
export interface ServiceRecord extends RunRecord {
  /** `db:5432`: what it was connected to. */
  readonly talksTo: readonly string[];
  /** How often it was started again. */
  readonly restarts: number;
  /** Published ports, asked from this machine. */
  readonly published: readonly PublishedAnswer[];
}

export interface ServiceProveReport {
  readonly name: string;
  readonly image?: string;
  readonly verdict: VerdictName;
  /** Whom it runs as afterwards. */
  readonly user: string;
  readonly before: ServiceRecord;
  readonly after: ServiceRecord;
  /** Ports that the fix moved inside the container. */
  readonly moved: readonly { readonly from: number; readonly to: number }[];
  readonly rounds: number;
  readonly reasons: readonly Reason[];
}

export interface ProjectProveReport {
  readonly schemaVersion: 1;
  readonly kind: 'prove';
  readonly target: string;
  readonly project: string;
  readonly platform: string;
  readonly engine: string;
  readonly verdict: VerdictName;
  readonly services: readonly ServiceProveReport[];
  /** What is about none of the services alone. */
  readonly reasons: readonly Reason[];
  /** What was changed for the second run. Images that have to change have a name in it that exists nowhere else. */
  readonly files: readonly FixedFile[];
  readonly unknown: readonly string[];
}

export interface ProjectParts {
  readonly target: string;
  readonly project: string;
  readonly platform: string;
  readonly engine: string;
  readonly images: ReadonlyMap<string, string>;
  readonly moved: (name: string) => ServiceProveReport['moved'];
  readonly rounds: (name: string) => number;
  readonly files: readonly FixedFile[];
  readonly unknown: readonly string[];
}

export function projectReport(proof: ProjectProof, parts: ProjectParts): ProjectProveReport {
  const { target, project, platform, engine, files, unknown } = parts;
  return {
    schemaVersion: 1,
    kind: 'prove',
    target,
    project,
    platform,
    engine,
    verdict: proof.verdict,
    services: proof.services.map((service) => serviceReport(service, parts)),
    reasons: proof.reasons,
    files,
    unknown,
  };
}

function serviceReport(service: ServiceProof, { images, moved, rounds }: ProjectParts): ServiceProveReport {
  const { name, verdict, reasons, users } = service;
  const image = images.get(name);
  const record = ({ observation, talksTo, restarts, published }: ServiceProof['before'], user: string): ServiceRecord => ({
    ...runRecord(observation, user, observation.trace === undefined ? [] : denialTexts(observation.trace)),
    talksTo,
    restarts,
    published,
  });
  return {
    name,
    ...(image === undefined ? {} : { image }),
    verdict,
    user: users[1],
    before: record(service.before, users[0]),
    after: record(service.after, users[1]),
    moved: moved(name),
    rounds: rounds(name),
    reasons,
  };
}
