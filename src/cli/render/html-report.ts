/** An audit as one page that needs nothing else: no script, no font, no picture from anywhere. */
import { type InspectionResult, questions } from '../../domain/inspection.ts';
import { summarise } from './inspection.ts';

const words = { pass: 'as it should be', found: 'found', skipped: 'skipped' } as const;
const order = { found: 0, skipped: 1, pass: 2 } as const;
const weight = { high: 0, medium: 1, low: 2 } as const;

const style = `
:root { color-scheme: light dark; --line: #8884; --high: #c62828; --medium: #b26a00; --low: #5c6bc0; --pass: #2e7d32; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top; padding: .5rem .6rem; border-top: 1px solid var(--line); }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; } .why { opacity: .75; margin: .2rem 0; } ul { margin: .3rem 0; padding-left: 1.2rem; }
.tag { font-weight: 600; white-space: nowrap; } .high { color: var(--high); } .medium { color: var(--medium); } .low { color: var(--low); } .pass { color: var(--pass); }
@media (prefers-color-scheme: dark) { :root { --high: #ef9a9a; --medium: #ffcc80; --low: #9fa8da; --pass: #a5d6a7; } }
`;

export function toHtml(results: readonly InspectionResult[], about: { at: Date; version: string }): string {
  const sorted = [...results].sort(
    (a, b) => order[a.outcome] - order[b.outcome] || weight[a.severity] - weight[b.severity],
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>spuff audit</title>
<style>${style}</style>
</head>
<body>
<h1>spuff audit</h1>
<p>${escapeHtml(`${about.at.toISOString()}, spuff ${about.version}`)}</p>
<p><strong>${escapeHtml(summarise(results))}</strong></p>
<table>
<thead><tr><th>Control</th><th>Outcome</th><th>What</th></tr></thead>
<tbody>
${sorted.map(toRow).join('\n')}
</tbody>
</table>
<h2>For you to answer</h2>
<ul>
${questions.map(({ control, text }) => `<li>${escapeHtml(`${control}: ${text}`)}</li>`).join('\n')}
</ul>
</body>
</html>
`;
}

function toRow({ control, severity, outcome, title, why, subject, seen, reason }: InspectionResult): string {
  const of = subject === null ? '' : ` (${subject})`;
  const tag = outcome === 'found' ? severity : outcome;
  const findings = seen.map(
    ({ what, mend }) => `<li>${escapeHtml(what)}<br><code>${escapeHtml(mend)}</code></li>`,
  );
  const rest = [
    ...(outcome === 'found' ? [`<p class="why">${escapeHtml(why)}</p><ul>${findings.join('')}</ul>`] : []),
    ...(reason === null ? [] : [`<p class="why">${escapeHtml(reason)}</p>`]),
  ];
  const said = outcome === 'found' ? `${words.found}, ${severity}` : words[outcome];
  return `<tr><td>${control}</td><td class="tag ${tag}">${said}</td><td>${escapeHtml(`${title}${of}`)}${rest.join('')}</td></tr>`;
}

/** Everything that is shown may have come from a machine. */
function escapeHtml(text: string): string {
  const names: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (found) => names[found] ?? '');
}
