export interface Row {
  what: string;
  value: string;
  peer: string;
  ratio: string;
  aim: string;
  met: boolean | null;
}

/** Prints rows as a Markdown table. */
export function printTable(title: string, rows: readonly Row[]): void {
  console.log(`\n### ${title}\n`);
  console.log('| measured | value | peer | ratio or difference | aim | met |');
  console.log('|---|---|---|---|---|---|');
  for (const row of rows) {
    const met = row.met === null ? '' : row.met ? 'yes' : 'no';
    console.log(`| ${[row.what, row.value, row.peer, row.ratio, row.aim, met].join(' | ')} |`);
  }
}

export function formatMs(ms: number): string {
  return ms >= 1_000 ? `${(ms / 1_000).toFixed(2)} s` : `${ms.toFixed(0)} ms`;
}
