import { describe, it } from 'vitest';
import { parseSyncRecord } from './sync-record.ts';

const folder = '/home/dev/p';
const render = (change: object) => JSON.stringify({ version: 1, folder, tree: null, files: [], ...change });

describe('the record of a sync', () => {
  it('says what a folder was given', ({ expect }) => {
    const text = render({ tree: 'a'.repeat(40), files: [['a/b', 'file 1 1.0', 'file 1 2.0']] });
    expect(parseSyncRecord(text, folder)).toEqual({
      folder,
      tree: 'a'.repeat(40),
      files: new Map([['a/b', { here: 'file 1 1.0', there: 'file 1 2.0' }]]),
    });
  });

  it.for([
    ['there is none', null],
    ['it is cut off', render({}).slice(0, -1)],
    ['it is of another folder', render({ folder: '/home/dev/q' })],
    ['it is of another version', render({ version: 2 })],
    ['its tree is no text', render({ tree: 1 })],
    ['a path is no text', render({ files: [[1, 'folder', 'folder']] })],
    ['what a file was like is missing', render({ files: [['a', 'folder']] })],
    ['a file is nothing', render({ files: [null] })],
    ['it is a list', '[]'],
  ] as const)('counts for nothing where %s', ([, text], { expect }) => {
    expect(parseSyncRecord(text, folder)).toBeNull();
  });
});
