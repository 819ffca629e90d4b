import type { Incident, IncidentStepState } from '../domain/incident.ts';

const words: Readonly<Record<IncidentStepState, string>> = {
  begun: 'was cut off',
  done: 'done',
  left: 'left to you',
  waiting: 'waits for you',
  failed: 'failed',
};

/** The report of an incident as Markdown: what was seen and done, in its order, and what is left. */
export function writeIncidentReport(incident: Incident): string {
  const { id, kind, subject, startedAt, endedAt, steps } = incident;
  const left = steps.flatMap(({ title, todo, state }) =>
    state === 'done' ? [] : [`- ${title} (${words[state]})`, ...todo.map((line) => `  - ${line}`)],
  );
  const done = steps.flatMap(({ at, title, state, said, todo }) => [
    `### ${at}: ${title}: ${words[state]}`,
    '',
    ...said.map((line) => `- ${line}`),
    ...(state === 'done' ? todo.map((line) => `- recommended: ${line}`) : []),
    '',
  ]);
  return [
    `# Incident ${id}: ${kind} ${subject}`,
    '',
    `Begun ${startedAt}; ${endedAt === null ? 'open' : `ended ${endedAt}`}.`,
    '',
    '## Left to do',
    '',
    ...(left.length > 0 ? left : ['Nothing.']),
    '',
    '## What was seen and done',
    '',
    ...done,
  ].join('\n');
}
