import { afterAll, beforeAll, expect, it } from 'vitest';
import { commandNames } from '../../src/cli/registry.ts';
import { beginLife, commandOf, endLife, excused, live } from './canary-life.ts';
import { CanaryScene } from './canary-scene.ts';

const scene = new CanaryScene();
beforeAll(async () => {
  await scene.open();
  await beginLife(scene);
});
afterAll(() => scene.close());

it('lives', async () => {
  await live(scene);
  const used = new Set(scene.printed.map(({ args }) => commandOf(args)));
  console.log(commandNames().filter((name) => !used.has(name) && !(name in excused)));
  console.log([...scene.onlookers].map(([n, o]) => [n, o.rounds]));
});
