/** Looks for secrets in every place where a life may have left one, on both sides and in between. */
import { dirname, join } from 'node:path';
import { runProcess } from '../../src/lib/process.ts';
import { namesByNeedle, namesIn, needlesOf } from './canary-forms.ts';
import { type CanaryScene, metadataStarts } from './canary-scene.ts';
import { type Told, walkArguments } from './metadata-walk.ts';
import { searchArchive } from './search-archive.ts';

export interface Finding {
  /** Of the secret. */
  name: string;
  place: string;
  path: string;
}

/** How much was looked at, by place. */
export type Amounts = Record<string, Record<string, number>>;

export class CanarySearch {
  readonly findings: Finding[] = [];
  readonly amounts: Amounts = {};
  readonly #scene: CanaryScene;
  readonly #names: ReadonlyMap<string, string>;

  constructor(scene: CanaryScene) {
    this.#scene = scene;
    this.#names = namesByNeedle(scene.canaries);
  }

  async #archive(place: string, producer: readonly string[], below = ''): Promise<void> {
    const { files, bytes, hits } = await searchArchive(this.#scene.vault, producer, this.#names);
    this.#count(place, { files, bytes });
    for (const { name, path } of hits) this.findings.push({ name, place, path: `${below}${path}` });
  }

  #text(place: string, path: string, text: string): void {
    this.#count(place, { texts: 1, bytes: Buffer.byteLength(text) });
    for (const name of namesIn(text, this.#names)) this.findings.push({ name, place, path });
  }

  #count(place: string, more: Record<string, number>): void {
    const before = this.amounts[place] ?? {};
    for (const [what, number] of Object.entries(more)) before[what] = (before[what] ?? 0) + number;
    this.amounts[place] = before;
  }

  /** The user's home and spuff's, not what is mounted in them. */
  async homes(): Promise<void> {
    for (const folder of [this.#scene.user.path, dirname(this.#scene.home)])
      await this.#archive('files here', ['tar', '--one-file-system', '-C', folder, '-cf', '-', '.'], folder);
  }

  /** The disk as the engine exports it, and from inside what is no part of that: file systems in memory. */
  async machine(id: string): Promise<void> {
    await this.#archive('disk of the machine', ['docker', 'export', id]);
    const inside = ['docker', 'exec', id];
    const listed = await runProcess([...inside, 'findmnt', '-rno', 'TARGET,FSTYPE'], { timeoutMs: 60_000 });
    const others = listed.stdout.split('\n').flatMap((line) => {
      const [target = '', type = ''] = line.split(' ');
      return /^(?:tmpfs|ramfs|ext4|xfs|btrfs|hugetlbfs)$/.test(type) && !/^\/(?:proc|sys)\//.test(target)
        ? [target.slice(1)]
        : [];
    });
    const tar = ['tar', '--one-file-system', '-C', '/', '-cf', '-', ...others];
    await this.#archive('memory file systems of the machine', [...inside, ...tar]);
    // It is compressed on the disk.
    await this.#archive('journal', ['sh', '-c', readJournal, 'sh', join(this.#scene.vault, 'journal'), id]);
    const processes = await runProcess([...inside, 'sh', '-c', listProcesses], { timeoutMs: 60_000 });
    for (const text of processes.stdout.split('\n== ').slice(1))
      this.#text('processes of the machine, to root', text.split('\n', 1)[0] ?? '', text);
    const told = await runProcess([...inside, ...walkArguments({ paths: metadataStarts })], {
      timeoutMs: 60_000,
    });
    for (const [path, { body }] of Object.entries((JSON.parse(told.stdout) as Told).answers))
      this.#text('metadata', path, body);
  }

  async snapshot(image: string): Promise<void> {
    await this.#archive('disk of the snapshot', ['sh', '-c', exportImage, 'sh', image]);
  }

  /** What was sent to the provider; the one header that is for the token is no place to look. */
  requests(): void {
    for (const { method, path, query, headers, body } of this.#scene.cloud.harness.sim.requests) {
      const { authorization: _own, ...others } = headers;
      const text = [path, query.toString(), JSON.stringify(others), body].join('\n');
      this.#text('requests to the provider', `${method} ${path}`, text);
    }
  }

  printed(): void {
    for (const { args, text } of this.#scene.printed) this.#text('output', args.join(' '), text);
  }

  /** What somebody has seen, who looks no more from then on. */
  async onlooker(where: string): Promise<void> {
    const wanted = Object.fromEntries(
      [...this.#scene.canaries].map(([name, parts]) => [name, parts.flatMap(needlesOf)]),
    );
    const report = await this.#scene.onlookers.get(where)?.end(wanted);
    if (!report) throw new Error(`nobody looks ${where}`);
    const place = `seen by ${where}`;
    this.#count(place, { rounds: report.rounds, texts: report.texts });
    for (const [name, paths] of Object.entries(report.found))
      for (const path of paths) this.findings.push({ name, place, path });
  }
}

const listProcesses = `for p in /proc/[0-9]*; do
  for f in environ cmdline; do printf '\\n== %s %s\\n' "$p/$f" "$(stat -c %U "$p" 2>/dev/null)"; tr '\\0' '\\n' <"$p/$f"; done
done 2>/dev/null; true`;

const readJournal = `mkdir "$1" && docker exec "$2" journalctl --all --output=export >"$1/journalctl" || exit 9
tar -C "$1" -cf - journalctl; s=$?; rm -r "$1"; exit $s`;

const exportImage = `c=$(docker create "$1" true) || exit
docker export "$c"; s=$?; docker rm "$c" >/dev/null; exit $s`;
