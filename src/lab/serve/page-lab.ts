/** What of a lab goes to the page: no right answers, hints or solutions before they are asked for. */
import type { Lab, LabPicture, LabProgress } from '../lab.ts';
import type { LabCard, Missing, OpenedStep, PageLab, RoomState } from './protocol.ts';

export function labCard(lab: Lab, progress: LabProgress | undefined, room: RoomState, missing: readonly Missing[]): LabCard {
  const { id, name, title, goal, minutes, images } = lab;
  const ids = lab.steps.map((step) => step.id);
  const done = (progress?.done ?? []).filter((step) => ids.includes(step)).length;
  return {
    id,
    name,
    title,
    goal,
    minutes,
    images,
    steps: ids.length,
    done,
    finished: progress?.finished !== undefined,
    room,
    missing,
  };
}

export function pageLab(lab: Lab, missing: readonly Missing[]): PageLab {
  const { id, name, title, goal, minutes, images, story, explanation, next } = lab;
  const steps = lab.steps.map(({ id, title, text, hints, checks, quiz, solution }) => ({
    id,
    title,
    text,
    hints: hints.length,
    checks: checks.map(({ says }) => says),
    ...(quiz === undefined ? {} : { quiz: { question: quiz.question, choices: quiz.choices.map((choice) => choice.text) } }),
    solvable: solution.trim() !== '',
  }));
  return {
    id,
    name,
    title,
    goal,
    minutes,
    images,
    missing,
    story,
    steps,
    explanation,
    next,
    pictures: picturesFor(lab),
    walls: lab.walls ?? [],
    paths: pathsOf(lab),
    layouts: layoutsOf(lab),
  };
}

/** Operations of checks as the picture calls them; the others are about no path, or want more than one. */
const ACTIONS: Readonly<Record<string, string>> = {
  read: 'read',
  append: 'append',
  create: 'create',
  mkdir: 'mkdir',
  unlink: 'delete',
};

function pathsOf(lab: Lab): PageLab['paths'] {
  const named = (lab.paths ?? []).map((text) => {
    const word = text.split(' ', 1)[0]!;
    return { action: ACTIONS[word] ?? word, path: text.slice(text.indexOf(' ') + 1) };
  });
  const attempted = lab.steps
    .flatMap(({ checks }) => checks)
    .flatMap((check) => {
      const action = check.kind === 'attempt' ? ACTIONS[check.operation] : undefined;
      return check.kind === 'attempt' && action !== undefined ? [{ path: check.target, action }] : [];
    });
  const all = [...named, ...attempted, { path: '/etc/hosts', action: 'append' }];
  return all
    .filter((one, index) => all.findIndex((other) => other.path === one.path && other.action === one.action) === index)
    .slice(0, 12);
}

/** Images that checks look for: paths of layouts, and names of what is built with podman. */
export function layoutsOf(lab: Lab): readonly string[] {
  return [
    ...new Set(
      lab.steps
        .flatMap(({ checks }) => checks)
        .flatMap((check) => (check.kind === 'image' ? [check.path ?? check.name ?? ''] : [])),
    ),
  ];
}

/** The hints and answers a learner has already seen. */
export function openedSteps(lab: Lab, progress: LabProgress): Readonly<Record<string, OpenedStep>> {
  return Object.fromEntries(
    lab.steps.map(({ id, hints, quiz }) => {
      const index = progress.answers[id];
      const choice = index === undefined ? undefined : quiz?.choices[index];
      const answer =
        choice === undefined || index === undefined
          ? {}
          : { answer: { choice: index, right: choice.right, because: choice.because } };
      return [id, { hints: hints.slice(0, progress.hints[id] ?? 0), ...answer }];
    }),
  );
}

/** The pictures that show what the lab's checks look at; a lab may name others. */
export function picturesFor(lab: Lab): readonly LabPicture[] {
  const checks = lab.steps.flatMap((step) => step.checks);
  const has = (kind: (typeof checks)[number]['kind']): boolean => checks.some((check) => check.kind === kind);
  const capabilities = checks.some(
    (check) => check.kind === 'process' && (check.is?.capabilities ?? check.is?.noNewPrivileges) !== undefined,
  );
  const first: LabPicture[] = [...(lab.pictures ?? [])];
  if (lab.walls !== undefined) first.push('walls');
  if (capabilities) first.push('capabilities');
  if (has('process') || has('listens')) first.push('processes');
  if (has('attempt') || has('file')) first.push('walk');
  if (has('image') || has('answer')) first.push('layers');
  const all: LabPicture[] = ['processes', 'walk', 'capabilities', 'layers'];
  return [...new Set([...first, ...all])];
}
