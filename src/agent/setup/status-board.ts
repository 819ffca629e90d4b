import { join } from 'node:path';
import type { SetupState } from '../../domain/setup.ts';
import { statusFile } from '../../domain/setup-paths.ts';
import { writeFileAtomically } from '../../lib/atomic-file.ts';
import type { SetupPart, SetupStatus } from '../../protocol/setup-schema.ts';

export type SetupItem = SetupPart['items'][number];

/** How far the setup is, kept in a file that the agent shows. Nothing secret may come in here. */
export interface StatusBoard {
  readonly status: SetupStatus;
  change(part: SetupPart, fields: Partial<SetupPart>): void;
  /** What is being done; written at most once a second. */
  tell(part: SetupPart, detail: string): void;
  end(state: SetupState, detail: string | null): void;
}

const tellAgainMs = 1_000;
const longestDetail = 600;

/** @param now Unix time in ms */
export function createStatusBoard(folder: string, status: SetupStatus, now: () => number): StatusBoard {
  const path = join(folder, statusFile);
  let toldAtMs = Number.NEGATIVE_INFINITY;
  // The folder hands its group on: the agent reads it, and nobody else.
  const save = () => writeFileAtomically(path, `${JSON.stringify(status)}\n`, 0o640);
  save();
  return {
    status,
    change(part, fields) {
      Object.assign(part, fields);
      if (part.detail !== null) part.detail = part.detail.slice(0, longestDetail);
      save();
    },
    tell(part, detail) {
      part.detail = detail.slice(0, longestDetail);
      if (now() - toldAtMs < tellAgainMs) return;
      toldAtMs = now();
      save();
    },
    end(state, detail) {
      Object.assign(status, { state, detail, endedAt: new Date(now()).toISOString() });
      save();
    },
  };
}
